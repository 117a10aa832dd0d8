#include "nn/tensor_names.h"

#include <utility>

namespace weft::nn {
namespace {

std::string_view gpt2_stem(Part part) {
  switch (part) {
    case Part::kEmbedding:
    case Part::kHead: return "wte";
    case Part::kPositions: return "wpe";
    case Part::kAttentionNorm: return "ln_1";
    case Part::kQkv: return "attn.c_attn";
    case Part::kAttentionOut: return "attn.c_proj";
    case Part::kMlpNorm: return "ln_2";
    case Part::kMlpIn: return "mlp.c_fc";
    case Part::kMlpOut: return "mlp.c_proj";
    case Part::kFinalNorm: return "ln_f";
    case Part::kQNorm: return "attn.q_norm";
    case Part::kKNorm: return "attn.k_norm";
  }
  return "?";
}

std::string_view llama_stem(Part part) {
  switch (part) {
    case Part::kEmbedding: return "embed_tokens";
    case Part::kHead: return "lm_head";
    case Part::kPositions: return "embed_positions";
    case Part::kAttentionNorm: return "input_layernorm";
    case Part::kQkv: return "self_attn.qkv_proj";
    case Part::kQNorm: return "self_attn.q_norm";
    case Part::kKNorm: return "self_attn.k_norm";
    case Part::kAttentionOut: return "self_attn.o_proj";
    case Part::kMlpNorm: return "post_attention_layernorm";
    case Part::kMlpIn: return "mlp.gate_up_proj";
    case Part::kMlpOut: return "mlp.down_proj";
    case Part::kFinalNorm: return "norm";
  }
  return "?";
}

bool in_layer(Part part) {
  switch (part) {
    case Part::kEmbedding:
    case Part::kPositions:
    case Part::kFinalNorm:
    case Part::kHead: return false;
    default: return true;
  }
}

// Lists a model's tensors; knows which parameters exist and how they are cut.
class TensorLister {
 public:
  explicit TensorLister(const DecoderSpec& spec) : spec_(spec) {}

  std::vector<TensorName> run() {
    const int64_t C = spec_.hidden_size;
    whole(Part::kEmbedding, 0, {spec_.vocab_size, C});
    if (spec_.learned_positions) whole(Part::kPositions, 0, {spec_.max_positions, C});
    for (int64_t layer = 0; layer < spec_.layers; ++layer) list_layer(layer);
    norm(Part::kFinalNorm, 0);
    if (!spec_.tied_head) whole(Part::kHead, 0, {spec_.vocab_size, C});
    return std::move(names_);
  }

 private:
  void list_layer(int64_t layer) {
    const int64_t C = spec_.hidden_size, D = spec_.head_dim, F = spec_.intermediate_size;
    norm(Part::kAttentionNorm, layer);
    const int64_t q = spec_.heads * D, kv = spec_.kv_heads * D;
    projection(Part::kQkv, layer, C, spec_.qkv_bias,
               {{"q_proj", q}, {"k_proj", kv}, {"v_proj", kv}});
    if (spec_.qk_norm) {
      whole(Part::kQNorm, layer, {D});
      whole(Part::kKNorm, layer, {D});
    }
    projection(Part::kAttentionOut, layer, q, spec_.attention_out_bias, {{"o_proj", C}});
    norm(Part::kMlpNorm, layer);
    if (spec_.gated)
      projection(Part::kMlpIn, layer, C, spec_.mlp_bias, {{"gate_proj", F}, {"up_proj", F}});
    else projection(Part::kMlpIn, layer, C, spec_.mlp_bias, {{"up_proj", F}});
    projection(Part::kMlpOut, layer, F, spec_.mlp_bias, {{"down_proj", C}});
  }

  void whole(Part part, int64_t layer, Shape shape, bool bias = false) {
    const std::string name = parameter_name(spec_.family, part, layer, bias);
    names_.push_back({name, name, 0, shape});
  }

  void norm(Part part, int64_t layer) {
    whole(part, layer, {spec_.hidden_size});
    if (spec_.norm == NormKind::kLayerNorm) whole(part, layer, {spec_.hidden_size}, true);
  }

  using Pieces = std::vector<std::pair<std::string, int64_t>>;

  void projection(Part part, int64_t layer, int64_t in, bool bias, const Pieces& pieces) {
    int64_t out = 0;
    for (const auto& piece : pieces) out += piece.second;
    if (spec_.family == Family::kGpt2 || pieces.size() == 1) {
      const bool in_out = spec_.layout() == ops::WeightLayout::kInOut;
      whole(part, layer, in_out ? Shape{in, out} : Shape{out, in});
      if (bias) whole(part, layer, {out}, true);
      return;
    }
    cut(part, layer, in, pieces, false);
    if (bias) cut(part, layer, 1, pieces, true);
  }

  void cut(Part part, int64_t layer, int64_t width, const Pieces& pieces, bool bias) {
    const std::string parameter = parameter_name(spec_.family, part, layer, bias);
    const std::string stem(llama_stem(part));
    const std::string ours = stem.substr(stem.rfind('.') + 1);
    int64_t row = 0;
    for (const auto& [piece, rows] : pieces) {
      std::string file_name = parameter;
      file_name.replace(file_name.rfind(ours), ours.size(), piece);
      const Shape shape = bias ? Shape{rows} : Shape{rows, width};
      names_.push_back({file_name, parameter, row * width, shape});
      row += rows;
    }
  }

  const DecoderSpec& spec_;
  std::vector<TensorName> names_;
};

}  // namespace

std::string parameter_name(Family family, Part part, int64_t layer, bool bias) {
  const std::string end = bias ? ".bias" : ".weight";
  if (part == Part::kHead) return "lm_head" + end;
  const std::string stem(family == Family::kGpt2 ? gpt2_stem(part) : llama_stem(part));
  const std::string root = family == Family::kGpt2 ? "transformer." : "model.";
  const std::string list = family == Family::kGpt2 ? "h." : "layers.";
  return root + (in_layer(part) ? list + std::to_string(layer) + "." : "") + stem + end;
}

std::vector<TensorName> tensor_names(const DecoderSpec& spec) {
  return TensorLister(spec).run();
}

}  // namespace weft::nn
