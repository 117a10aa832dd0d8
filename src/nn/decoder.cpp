#include "nn/decoder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "weft/ops/add.h"
#include "weft/ops/add_layer_norm.h"
#include "weft/ops/add_rms_norm.h"
#include "weft/ops/attention.h"
#include "weft/ops/cached_attention.h"
#include "weft/ops/dropout.h"
#include "weft/ops/embedding.h"
#include "weft/ops/gated_activation.h"
#include "weft/ops/head_norm.h"
#include "weft/ops/linear_cross_entropy.h"
#include "weft/ops/rms_norm.h"
#include "weft/philox.h"

namespace weft::nn {
namespace {

// How a layer's attention sees keys and values: of the same batch, or in caches.
using Attend = std::function<Value(Value qkv, int64_t layer)>;

class Decoder {
 public:
  // Tokens stand at positions below `reach`.
  Decoder(Graph& graph, const DecoderSpec& spec, Shape tokens, int64_t reach)
      : graph_(graph),
        spec_(spec),
        ids_(graph.input(kInputIds, {DType::kI32, tokens})),
        positions_(graph.input(kPositions, {DType::kI32, tokens})) {
    for (const TensorName& name : tensor_names(spec))
      if (name.file_name != name.parameter)
        parts_[name.parameter].push_back({name.file_name, name.shape.elements()});
    if (!spec.rotary) return;
    ops::RotaryTable table = spec.rope;
    // Not for the longest sequence of all, which a file names: the table would be as large as that.
    table.positions = std::min(spec.max_positions, reach);
    if (table.rotary_dim == 0) table.rotary_dim = spec.head_dim;
    table_ = ops::rotary_table(graph, table);
  }

  void use_dropout(Value rng, uint64_t key) {
    rng_ = rng;
    dropout_key_ = key;
  }

  // The last layer's normalised output [B, T, C].
  Value hidden(const Attend& attend) {
    Value x = embed();
    Value residual;  // the stream before x is added to it
    for (int64_t layer = 0; layer < spec_.layers; ++layer) {
      const Graph::Scope scope(graph_, "layers." + std::to_string(layer));
      const ops::NormOfSum in = norm(x, residual, Part::kAttentionNorm, layer);
      x = dropped(attention(in.y, attend, layer), spec_.residual_dropout, "attention", layer);
      const ops::NormOfSum mid = norm(x, in.sum, Part::kMlpNorm, layer);
      x = dropped(mlp(mid.y, layer), spec_.residual_dropout, "mlp", layer);
      residual = mid.sum;
    }
    const Graph::Scope scope(graph_, "head");
    return norm(x, residual, Part::kFinalNorm, 0).y;
  }

  Value head_weight() {
    if (spec_.tied_head) return embedding_;
    return parameter(Part::kHead, 0, {spec_.vocab_size, spec_.hidden_size},
                     Initializer::normal(spec_.initializer_range));
  }

  Value positions() const { return positions_; }

 private:
  Value parameter(Part part, int64_t layer, Shape shape, Initializer initializer,
                  bool bias = false) {
    const std::string name = parameter_name(spec_.family, part, layer, bias);
    if (const auto packed = parts_.find(name); packed != parts_.end())
      initializer.parts = packed->second;
    return graph_.parameter(name, shape, std::move(initializer));
  }

  Value embed() {
    const Graph::Scope scope(graph_, "embedding");
    const auto initializer = Initializer::normal(spec_.initializer_range);
    embedding_ = parameter(Part::kEmbedding, 0, {spec_.vocab_size, spec_.hidden_size}, initializer);
    Value x = ops::embedding(ids_, embedding_);
    if (spec_.learned_positions) {
      const Value table =
          parameter(Part::kPositions, 0, {spec_.max_positions, spec_.hidden_size}, initializer);
      x = ops::add(x, ops::embedding(positions_, table));
    }
    return dropped(x, spec_.embedding_dropout, "embedding", 0);
  }

  ops::NormOfSum norm(Value x, Value residual, Part part, int64_t layer) {
    const Shape width{spec_.hidden_size};
    const Value scale = parameter(part, layer, width, Initializer::constant(1));
    if (spec_.norm == NormKind::kRmsNorm) {
      if (!residual) return {ops::rms_norm(x, scale, spec_.norm_eps), x};
      return ops::add_rms_norm(x, residual, scale, spec_.norm_eps);
    }
    const Value bias = parameter(part, layer, width, Initializer::constant(0), true);
    if (!residual) return {ops::layer_norm(x, scale, bias, spec_.norm_eps), x};
    return ops::add_layer_norm(x, residual, scale, bias, spec_.norm_eps);
  }

  struct Projection {
    Part part;
    int64_t out;
    bool bias;
    bool into_residual = false;  // its result is added to the residual stream
  };

  Value project(Value x, const Projection& p, int64_t layer) {
    double deviation = spec_.initializer_range;
    if (p.into_residual && spec_.scaled_residual_init)
      deviation /= std::sqrt(2.0 * static_cast<double>(spec_.layers));
    const int64_t in = x.shape().back();
    const bool in_out = spec_.layout() == ops::WeightLayout::kInOut;
    const Value weight = parameter(p.part, layer, in_out ? Shape{in, p.out} : Shape{p.out, in},
                                   Initializer::normal(deviation));
    const Value bias =
        p.bias ? parameter(p.part, layer, {p.out}, Initializer::constant(0), true) : Value();
    return ops::linear(x, weight, bias, spec_.layout());
  }

  Value attention(Value x, const Attend& attend, int64_t layer) {
    Value qkv = project(x, {Part::kQkv, spec_.qkv_width(), spec_.qkv_bias}, layer);
    if (spec_.qk_norm) {
      const auto ones = Initializer::constant(1);
      qkv = ops::head_norm(qkv, parameter(Part::kQNorm, layer, {spec_.head_dim}, ones),
                           parameter(Part::kKNorm, layer, {spec_.head_dim}, ones),
                           {.heads = spec_.heads,
                            .kv_heads = spec_.kv_heads,
                            .head_dim = spec_.head_dim,
                            .eps = spec_.norm_eps});
    }
    if (spec_.rotary)
      qkv = ops::rotary(
          qkv, positions_, table_,
          {.heads = spec_.heads, .kv_heads = spec_.kv_heads, .head_dim = spec_.head_dim});
    const Value out = attend(qkv, layer);
    return project(out, {Part::kAttentionOut, spec_.hidden_size, spec_.attention_out_bias, true},
                   layer);
  }

  Value mlp(Value x, int64_t layer) {
    const int64_t width = spec_.gated ? 2 * spec_.intermediate_size : spec_.intermediate_size;
    const Value in = project(x, {Part::kMlpIn, width, spec_.mlp_bias}, layer);
    const Value active = spec_.gated ? ops::gated_activation(in, spec_.activation)
                                     : ops::activation(in, spec_.activation);
    return project(active, {Part::kMlpOut, spec_.hidden_size, spec_.mlp_bias, true}, layer);
  }

  Value dropped(Value x, double p, std::string_view what, int64_t layer) {
    if (!rng_ || p == 0.0) return x;
    const uint64_t key = random_key(dropout_key_, std::string(what) + std::to_string(layer));
    return ops::dropout(x, rng_, {.p = p, .key = key});
  }

  Graph& graph_;
  const DecoderSpec& spec_;
  std::map<std::string, std::vector<Initializer::Part>> parts_;  // of packed parameters
  Value ids_, positions_, table_, embedding_, rng_;
  uint64_t dropout_key_ = 0;
};

ops::AttentionParams attention_params(const DecoderSpec& spec, int64_t layer) {
  return {.heads = spec.heads,
          .kv_heads = spec.kv_heads,
          .head_dim = spec.head_dim,
          .window = spec.window_of(layer)};
}

// Decoder and hidden states of a whole batch, for training and evaluation.
Value batch_hidden(Decoder& decoder, Graph& graph, const DecoderSpec& spec,
                   const TrainingGraphOptions& options) {
  const bool drops = options.dropout &&
                     spec.embedding_dropout + spec.residual_dropout + spec.attention_dropout > 0.0;
  const Value rng = drops ? graph.input(kRng, {DType::kI64, {3}}) : Value();
  if (drops) decoder.use_dropout(rng, options.dropout_key);
  const Value range = options.key_range
                          ? graph.input(kKeyRange, {DType::kI32, {options.batch, options.time, 2}})
                          : Value();
  return decoder.hidden([&, range](Value qkv, int64_t layer) {
    ops::AttentionParams params = attention_params(spec, layer);
    if (drops) params.dropout = spec.attention_dropout;
    params.dropout_key = random_key(options.dropout_key, "probabilities" + std::to_string(layer));
    return ops::attention(qkv, params, range, params.dropout > 0 ? rng : Value());
  });
}

}  // namespace

Value build_loss(Graph& graph, const DecoderSpec& spec, const TrainingGraphOptions& options) {
  const Shape tokens{options.batch, options.time};
  Decoder decoder(graph, spec, tokens, options.time);
  const Value hidden = batch_hidden(decoder, graph, spec, options);
  const Value labels = graph.input(kLabels, {DType::kI32, tokens});
  const Graph::Scope scope(graph, "head");
  return ops::linear_cross_entropy(hidden, decoder.head_weight(), labels, options.loss);
}

Value build_logits(Graph& graph, const DecoderSpec& spec, const TrainingGraphOptions& options) {
  Decoder decoder(graph, spec, {options.batch, options.time}, options.time);
  const Value hidden = batch_hidden(decoder, graph, spec, options);
  const Graph::Scope scope(graph, "head");
  return ops::linear(hidden, decoder.head_weight());
}

std::string cache_name(int64_t layer, bool values) {
  return "cache." + std::to_string(layer) + (values ? ".values" : ".keys");
}

DecodingGraph build_decoding(Graph& graph, const DecoderSpec& spec,
                             const DecodingGraphOptions& options) {
  const Shape tokens{options.batch, options.time};
  Decoder decoder(graph, spec, tokens, options.capacity);
  const Value slots = graph.input(kSlots, {DType::kI32, tokens});
  const TensorType ranges{DType::kI32, {options.batch, options.time, 2}};
  const Value range = graph.input(kKeyRange, ranges);
  const Value window_range = spec.window > 0 ? graph.input(kWindowKeyRange, ranges) : Value();
  const Shape cache{options.batch, options.capacity, spec.kv_heads, spec.head_dim};
  DecodingGraph result;
  const Value hidden = decoder.hidden([&](Value qkv, int64_t layer) {
    const ops::Caches empty{graph.state(cache_name(layer, false), {DType::kF32, cache}),
                            graph.state(cache_name(layer, true), {DType::kF32, cache})};
    const ops::Caches caches = ops::cache_write(empty, qkv, slots, {.heads = spec.heads});
    result.caches.push_back(caches);
    return ops::cached_attention(qkv, caches.keys, caches.values,
                                 spec.window_of(layer) > 0 ? window_range : range,
                                 attention_params(spec, layer));
  });
  if (!options.logits) return result;
  const Graph::Scope scope(graph, "head");
  result.logits = ops::linear(hidden, decoder.head_weight());
  return result;
}

}  // namespace weft::nn
