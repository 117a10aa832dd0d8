#include "chain_model.h"

#include <vector>

#include "io/hf_folder.h"
#include "text/tokenizer.h"

namespace weft::test {
namespace {

constexpr int64_t kWidth = 272;  // a dimension for each token, and heads of an even size
constexpr float kLarge = 1.0f;   // times sqrt(kWidth), by the norm before the head: a logit of 16

const std::string kConfig = R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama",
  "vocab_size": 264, "hidden_size": 272, "intermediate_size": 8, "num_hidden_layers": 1,
  "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 96,
  "tie_word_embeddings": false, "use_cache": true,
  "torch_dtype": "float32"})";

struct Tensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

Tensor filled(std::string name, std::vector<int64_t> shape, float value) {
  int64_t elements = 1;
  for (const int64_t size : shape) elements *= size;
  return {std::move(name), std::move(shape),
          std::vector<float>(static_cast<size_t>(elements), value)};
}

// The layer adds nothing, so that what comes out of it is the token's own row.
std::vector<Tensor> tensors_of(const Chain& chain) {
  const std::string layer = "model.layers.0.";
  std::vector<Tensor> tensors = {filled("model.embed_tokens.weight", {kVocabulary, kWidth}, 0),
                                 filled("lm_head.weight", {kVocabulary, kWidth}, 0),
                                 filled("model.norm.weight", {kWidth}, 1),
                                 filled(layer + "input_layernorm.weight", {kWidth}, 1),
                                 filled(layer + "post_attention_layernorm.weight", {kWidth}, 1),
                                 filled(layer + "mlp.gate_proj.weight", {8, kWidth}, 0),
                                 filled(layer + "mlp.up_proj.weight", {8, kWidth}, 0),
                                 filled(layer + "mlp.down_proj.weight", {kWidth, 8}, 0)};
  for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"})
    tensors.push_back(filled(layer + "self_attn." + name + ".weight", {kWidth, kWidth}, 0));
  for (int64_t id = 0; id < kVocabulary; ++id)
    tensors[0].values[static_cast<size_t>(id * kWidth + id)] = 1;
  for (const auto& [id, follow] : chain) {
    tensors[1].values[static_cast<size_t>(follow.second * kWidth + id)] = kLarge / 2;
    tensors[1].values[static_cast<size_t>(follow.first * kWidth + id)] = kLarge;
  }
  return tensors;
}

}  // namespace

Chain standard_chain() {
  Chain chain;
  const auto id = [](char c) { return static_cast<int64_t>(static_cast<uint8_t>(c)); };
  const std::string circle = kChainText + kChainText[0];
  for (size_t i = 0; i + 1 < circle.size(); ++i)
    chain[id(circle[i])] = {id(circle[i + 1]), id('a')};
  chain[id('q')] = {kNoToken, id('r')};
  chain[id('r')] = {id('s'), id('a')};
  chain[id('s')] = {id('a'), id('a')};
  chain[id('z')] = {kEndOfText, id('a')};
  return chain;
}

void write_chain_model(const std::filesystem::path& folder, const ChainOptions& options) {
  io::ModelFolder contents{.config = kConfig};
  const std::vector<Tensor> tensors = tensors_of(options.chain);
  for (const Tensor& tensor : tensors)
    contents.tensors.push_back({.name = tensor.name,
                                .type = io::StoredType::kF32,
                                .shape = tensor.shape,
                                .content = [&values = tensor.values](WritableFile& out) {
                                  out.write(std::as_bytes(std::span(values)));
                                }});
  const auto tokenizer = text::make_bytes_tokenizer();
  if (options.with_tokenizer)
    for (const text::TokenizerFile& file : tokenizer->files())
      contents.more_files.push_back(io::text_to_write(file.name, file.content));
  io::write_model_folder(real_file_system(), folder, contents, io::Overwrite::kOurs);
}

}  // namespace weft::test
