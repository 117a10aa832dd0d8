#include "io/llama2c.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "io/foreign_format.h"

namespace weft::io {
namespace {

constexpr size_t kHeaderBytes = 7 * sizeof(int32_t);
constexpr int64_t kMostLayers = 1000;
constexpr int64_t kLargestTokenizer = int64_t{64} << 20;
constexpr uint32_t kVersionedMagic = 0x616b3432;  // "ak42": llama2.c's later formats

// One matrix or vector of the file, or one for every layer. In the order of the file.
struct Section {
  std::string_view name;  // with "#" where the layer's number stands; "" for what is left out
  int64_t rows = 0;
  int64_t columns = 0;       // 0: a vector
  int64_t rotary_heads = 0;  // above 0: rows are rotary pairs of so many heads

  bool per_layer() const { return name.find('#') != std::string_view::npos; }
  std::vector<int64_t> shape() const {
    return columns == 0 ? std::vector{rows} : std::vector{rows, columns};
  }
  int64_t elements() const { return columns == 0 ? rows : rows * columns; }
};

std::vector<Section> sections_of(const Llama2cConfig& config) {
  const int64_t width = config.hidden_size, inner = config.intermediate_size;
  const int64_t kv = config.num_key_value_heads * config.head_size();
  const int64_t rotary = config.head_size() / 2;
  std::vector<Section> sections = {
      {"model.embed_tokens.weight", config.vocab_size, width},
      {"model.layers.#.input_layernorm.weight", width},
      {"model.layers.#.self_attn.q_proj.weight", width, width, config.num_attention_heads},
      {"model.layers.#.self_attn.k_proj.weight", kv, width, config.num_key_value_heads},
      {"model.layers.#.self_attn.v_proj.weight", kv, width},
      {"model.layers.#.self_attn.o_proj.weight", width, width},
      {"model.layers.#.post_attention_layernorm.weight", width},
      {"model.layers.#.mlp.gate_proj.weight", inner, width},
      {"model.layers.#.mlp.down_proj.weight", width, inner},
      {"model.layers.#.mlp.up_proj.weight", inner, width},
      {"model.norm.weight", width},
      {"", config.max_position_embeddings, rotary},  // cosines and sines of the rotary embedding,
      {"", config.max_position_embeddings, rotary},  // which every program computes anew
  };
  if (!config.tie_word_embeddings) sections.push_back({"lm_head.weight", config.vocab_size, width});
  return sections;
}

int64_t layers_of(const Section& section, const Llama2cConfig& config) {
  return section.per_layer() ? config.num_hidden_layers : 1;
}

[[noreturn]] void refuse(const std::string& source, const std::string& reason) {
  throw Error(source + ": " + reason +
              "; this is no llama2.c checkpoint of the first (legacy) format, or it is damaged; a "
              ".bin that PyTorch wrote is a pickle" +
              pickle_advice());
}

Llama2cConfig read_header(std::span<const std::byte> file, const std::string& source) {
  std::array<int32_t, 7> numbers{};
  std::memcpy(numbers.data(), file.data(), kHeaderBytes);
  if (static_cast<uint32_t>(numbers[0]) == kVersionedMagic)
    throw Error(source + ": this is a llama2.c checkpoint of version " +
                std::to_string(numbers[1]) +
                "; only the first format is read: export it with --version 0");
  const auto [dim, hidden, layers, heads, kv_heads, vocab, positions] = numbers;
  const bool is_tied = vocab > 0;
  return {.hidden_size = dim,
          .intermediate_size = hidden,
          .num_hidden_layers = layers,
          .num_attention_heads = heads,
          .num_key_value_heads = kv_heads,
          .vocab_size = is_tied ? int64_t{vocab} : -int64_t{vocab},
          .max_position_embeddings = positions,
          .tie_word_embeddings = is_tied};
}

void check_config(const Llama2cConfig& config, const std::string& source) {
  for (const auto& [name, value] : {std::pair("dim", config.hidden_size),
                                    {"hidden_dim", config.intermediate_size},
                                    {"n_layers", config.num_hidden_layers},
                                    {"n_heads", config.num_attention_heads},
                                    {"n_kv_heads", config.num_key_value_heads},
                                    {"vocab_size", config.vocab_size},
                                    {"seq_len", config.max_position_embeddings}})
    if (value <= 0) refuse(source, std::string(name) + " is " + std::to_string(value));
  if (config.num_hidden_layers > kMostLayers)
    refuse(source, std::to_string(config.num_hidden_layers) + " layers are more than " +
                       std::to_string(kMostLayers));
  if (config.hidden_size % (2 * config.num_attention_heads) != 0)
    refuse(source, "dim " + std::to_string(config.hidden_size) + " does not divide into " +
                       std::to_string(config.num_attention_heads) + " heads of an even size");
  if (config.num_attention_heads % config.num_key_value_heads != 0)
    refuse(source, std::to_string(config.num_attention_heads) + " heads do not divide among " +
                       std::to_string(config.num_key_value_heads) + " key/value heads");
}

void check_size(const Llama2cConfig& config, int64_t file_bytes, const std::string& source) {
  auto needed = static_cast<int64_t>(kHeaderBytes);
  for (const Section& section : sections_of(config)) {
    const std::array<int64_t, 3> shape = {layers_of(section, config), section.rows,
                                          std::max<int64_t>(section.columns, 1)};
    const std::optional<int64_t> bytes = stored_bytes(StoredType::kF32, shape);
    if (!bytes || __builtin_add_overflow(needed, *bytes, &needed))
      refuse(source, "the sizes in its header are impossible");
  }
  if (needed != file_bytes)
    refuse(source, "the sizes in its header need " + std::to_string(needed) +
                       " bytes, the file has " + std::to_string(file_bytes));
}

std::string layer_name(std::string_view name, int64_t layer) {
  std::string result(name);
  if (const size_t at = result.find('#'); at != std::string::npos)
    result.replace(at, 1, std::to_string(layer));
  return result;
}

// Writes the rows of each head so that those at even places come before those at odd places.
void write_half_split(std::span<const std::byte> matrix, int64_t rows, int64_t heads,
                      WritableFile& out) {
  const size_t row_bytes = matrix.size() / static_cast<size_t>(rows);
  const int64_t head_rows = rows / heads;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t parity = 0; parity < 2; ++parity)
      for (int64_t row = parity; row < head_rows; row += 2)
        out.write(
            matrix.subspan(static_cast<size_t>(head * head_rows + row) * row_bytes, row_bytes));
}

TensorToWrite tensor_of(const Section& section, int64_t layer, std::span<const std::byte> bytes) {
  TensorToWrite tensor{.name = layer_name(section.name, layer),
                       .type = StoredType::kF32,
                       .shape = section.shape(),
                       .content = [bytes](WritableFile& out) { out.write(bytes); }};
  if (section.rotary_heads > 0)
    tensor.content = [bytes, rows = section.rows, heads = section.rotary_heads](WritableFile& out) {
      write_half_split(bytes, rows, heads, out);
    };
  return tensor;
}

// Takes fixed-size values from the front of a text.
class Cursor {
 public:
  Cursor(std::string_view bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  template <class T>
  T take() {
    T value{};
    std::memcpy(&value, take_bytes(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view take_bytes(size_t size) {
    if (size > bytes_.size())
      throw Error(source_ +
                  ": it ends inside a piece; this is no tokenizer.bin of llama2.c, or it "
                  "belongs to a model with a smaller vocabulary, or it is cut short");
    const std::string_view front = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return front;
  }
  size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  const std::string& source_;
};

}  // namespace

std::string Llama2cConfig::to_json() const {
  const nlohmann::json json = {{"architectures", {"LlamaForCausalLM"}},
                               {"attention_bias", false},
                               {"bos_token_id", 1},
                               {"dtype", "float32"},
                               {"eos_token_id", 2},
                               {"hidden_act", "silu"},
                               {"hidden_size", hidden_size},
                               {"intermediate_size", intermediate_size},
                               {"max_position_embeddings", max_position_embeddings},
                               {"mlp_bias", false},
                               {"model_type", "llama"},
                               {"num_attention_heads", num_attention_heads},
                               {"num_hidden_layers", num_hidden_layers},
                               {"num_key_value_heads", num_key_value_heads},
                               {"rms_norm_eps", 1e-5},
                               {"rope_theta", 10000.0},
                               {"tie_word_embeddings", tie_word_embeddings},
                               {"torch_dtype", "float32"},
                               {"vocab_size", vocab_size}};
  return json.dump(2) + "\n";
}

Llama2cConfig parse_llama2c(std::span<const std::byte> file, const std::string& source) {
  if (file.size() < kHeaderBytes)
    refuse(source, std::to_string(file.size()) + " bytes have no room for a header");
  const Llama2cConfig config = read_header(file, source);
  check_config(config, source);
  check_size(config, static_cast<int64_t>(file.size()), source);
  return config;
}

std::vector<TensorToWrite> llama2c_tensors(const Llama2cConfig& config,
                                           std::span<const std::byte> file) {
  std::vector<TensorToWrite> tensors;
  std::span<const std::byte> rest = file.subspan(kHeaderBytes);
  for (const Section& section : sections_of(config)) {
    const auto bytes = static_cast<size_t>(section.elements()) * sizeof(float);
    for (int64_t layer = 0; layer < layers_of(section, config); ++layer) {
      if (!section.name.empty()) tensors.push_back(tensor_of(section, layer, rest.first(bytes)));
      rest = rest.subspan(bytes);
    }
  }
  return tensors;
}

Llama2cTokenizer parse_llama2c_tokenizer(std::string_view bytes, int64_t vocab_size,
                                         const std::string& source) {
  Cursor cursor(bytes, source);
  Llama2cTokenizer tokenizer;
  const auto longest = cursor.take<uint32_t>();
  const auto is_missing = [&](int64_t id) {
    return vocab_size == kAnyVocabulary ? cursor.left() > 0 : id < vocab_size;
  };
  for (int64_t id = 0; is_missing(id); ++id) {
    const auto score = cursor.take<float>();
    const auto length = cursor.take<uint32_t>();
    if (length > longest || !std::isfinite(score))
      throw Error(source + ": piece " + std::to_string(id) + " has " + std::to_string(length) +
                  " bytes and the score " + std::to_string(score) + ", where at most " +
                  std::to_string(longest) +
                  " bytes and a finite score are expected; this is no tokenizer.bin of llama2.c");
    tokenizer.pieces.push_back({.text = std::string(cursor.take_bytes(length)), .score = score});
  }
  if (cursor.left() > 0)
    throw Error(source + ": " + std::to_string(cursor.left()) + " bytes follow the " +
                std::to_string(vocab_size) +
                " pieces of the model's vocabulary; it belongs to another model");
  return tokenizer;
}

Llama2cTokenizer read_llama2c_tokenizer(const Path& file, int64_t vocab_size) {
  return parse_llama2c_tokenizer(read_text_file(file, kLargestTokenizer), vocab_size,
                                 quote_path(file));
}

}  // namespace weft::io
