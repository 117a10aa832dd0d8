#include "io/llama2c.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/hf_folder.h"
#include "tests/core/temporary_folder.h"
#include "tests/io/io_test_files.h"

namespace weft::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string header(const std::vector<int32_t>& numbers) {
  std::string bytes;
  for (const int32_t number : numbers) append(bytes, number);
  return bytes;
}

// dim 8, hidden 3, 2 layers, 2 heads (of 4), 1 key/value head, 5 tokens, 2 positions; the value of
// every float is its place in the file.
constexpr int kFloats = 5 * 8 + 2 * (8 + 64 + 32 + 32 + 64 + 8 + 24 + 24 + 24) + 8 + 2 * (2 * 2);
std::string small_model(bool is_tied) {
  std::string bytes = header({8, 3, 2, 2, 1, is_tied ? 5 : -5, 2});
  const int floats = kFloats + (is_tied ? 0 : 40);
  for (int i = 0; i < floats; ++i) append(bytes, static_cast<float>(i));
  return bytes;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::vector<float> values_of(const TensorToWrite& tensor) {
  MemoryFile out;
  tensor.content(out);
  EXPECT_EQ(static_cast<int64_t>(out.text.size()), tensor.bytes());
  std::vector<float> values(out.text.size() / sizeof(float));
  std::memcpy(values.data(), out.text.data(), out.text.size());
  return values;
}

const TensorToWrite& named(const std::vector<TensorToWrite>& tensors, const std::string& name) {
  for (const TensorToWrite& tensor : tensors)
    if (tensor.name == name) return tensor;
  throw std::runtime_error("no tensor " + name);
}

TEST(Llama2c, TensorsHaveTheNamesShapesAndPlacesOfHuggingFace) {
  const std::string bytes = small_model(true);
  const Llama2cConfig config = parse_llama2c(bytes_of(bytes), "f");
  const auto tensors = llama2c_tensors(config, bytes_of(bytes));
  EXPECT_EQ(tensors.size(), 2u + 2 * 9);
  EXPECT_THAT(named(tensors, "model.embed_tokens.weight").shape, ElementsAre(5, 8));
  EXPECT_THAT(named(tensors, "model.layers.1.self_attn.v_proj.weight").shape, ElementsAre(4, 8));
  EXPECT_THAT(named(tensors, "model.layers.0.mlp.down_proj.weight").shape, ElementsAre(8, 3));
  EXPECT_THAT(named(tensors, "model.norm.weight").shape, ElementsAre(8));
  // Each kind of tensor lies for all layers together, so layer 1's norm follows layer 0's.
  EXPECT_EQ(values_of(named(tensors, "model.layers.0.input_layernorm.weight"))[0], 40);
  EXPECT_EQ(values_of(named(tensors, "model.layers.1.input_layernorm.weight"))[0], 48);
  EXPECT_EQ(values_of(named(tensors, "model.layers.0.self_attn.v_proj.weight"))[0],
            56 + 2 * 64 + 2 * 32);
  EXPECT_EQ(values_of(named(tensors, "model.norm.weight"))[7], kFloats - 8 - 1);
}

TEST(Llama2c, RotaryRowsAreSplitInHalves) {
  const std::string bytes = small_model(true);
  const auto tensors = llama2c_tensors(parse_llama2c(bytes_of(bytes), "f"), bytes_of(bytes));
  const auto first_rows = [&](const std::string& name) {
    const std::vector<float> values = values_of(named(tensors, name));
    std::vector<int> rows;
    for (size_t i = 0; i < values.size(); i += 8)
      rows.push_back(static_cast<int>(values[i] - *std::min_element(values.begin(), values.end())) /
                     8);
    return rows;
  };
  // Row 2 i + p of a head becomes row p * (size / 2) + i.
  EXPECT_THAT(first_rows("model.layers.1.self_attn.q_proj.weight"),
              ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
  EXPECT_THAT(first_rows("model.layers.0.self_attn.k_proj.weight"), ElementsAre(0, 2, 1, 3));
  EXPECT_THAT(first_rows("model.layers.0.self_attn.v_proj.weight"), ElementsAre(0, 1, 2, 3));
}

TEST(Llama2c, ANegativeVocabularyMeansAHeadOfItsOwn) {
  const std::string bytes = small_model(false);
  const Llama2cConfig config = parse_llama2c(bytes_of(bytes), "f");
  EXPECT_FALSE(config.tie_word_embeddings);
  EXPECT_EQ(config.vocab_size, 5);
  const auto tensors = llama2c_tensors(config, bytes_of(bytes));
  EXPECT_EQ(values_of(named(tensors, "lm_head.weight"))[0], kFloats);
  const auto json = nlohmann::json::parse(config.to_json());
  EXPECT_EQ(json["tie_word_embeddings"], false);
  EXPECT_EQ(json["num_key_value_heads"], 1);
  EXPECT_EQ(json["rms_norm_eps"], 1e-5);
}

TEST(Llama2c, RefusesImpossibleFiles) {
  const auto why = [](const std::string& bytes) {
    return error_message([&] { parse_llama2c(bytes_of(bytes), "f"); });
  };
  constexpr int32_t kMost = std::numeric_limits<int32_t>::max();
  constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
  EXPECT_THAT(why(""), HasSubstr("f: 0 bytes have no room for a header"));
  EXPECT_THAT(why(std::string(27, 'x')), HasSubstr("27 bytes have no room"));
  EXPECT_THAT(why(header({0, 3, 2, 2, 1, 5, 2})), HasSubstr("dim is 0"));
  EXPECT_THAT(why(header({8, -3, 2, 2, 1, 5, 2})), HasSubstr("hidden_dim is -3"));
  EXPECT_THAT(why(header({8, 3, 0, 2, 1, 5, 2})), HasSubstr("n_layers is 0"));
  EXPECT_THAT(why(header({8, 3, 1001, 2, 1, 5, 2})), HasSubstr("1001 layers are more than 1000"));
  EXPECT_THAT(why(header({8, 3, 2, 0, 1, 5, 2})), HasSubstr("n_heads is 0"));
  EXPECT_THAT(why(header({8, 3, 2, 2, 0, 5, 2})), HasSubstr("n_kv_heads is 0"));
  EXPECT_THAT(why(header({8, 3, 2, 2, 1, 0, 2})), HasSubstr("vocab_size is 0"));
  EXPECT_THAT(why(header({8, 3, 2, 2, 1, 5, kLeast})), HasSubstr("seq_len is -2147483648"));
  EXPECT_THAT(why(header({9, 3, 2, 3, 1, 5, 2})), HasSubstr("3 heads of an even size"));
  EXPECT_THAT(why(header({8, 3, 2, 4, 3, 5, 2})), HasSubstr("4 heads do not divide among 3"));
  EXPECT_THAT(why(header({kMost - 1, kMost, 1000, 1, 1, kLeast, kMost})),
              HasSubstr("the sizes in its header are impossible"));
  EXPECT_THAT(why(header({0x616b3432, 1, 2, 4, 3, 5, 2})),
              AllOf(HasSubstr("checkpoint of version 1"), HasSubstr("export it with --version 0")));
  const std::string good = small_model(true);
  EXPECT_THAT(why(good.substr(0, good.size() - 1)),
              AllOf(HasSubstr("need " + std::to_string(good.size()) + " bytes, the file has " +
                              std::to_string(good.size() - 1)),
                    HasSubstr("legacy")));
  EXPECT_THAT(why(good + "x"), HasSubstr("this is no llama2.c checkpoint"));
}

std::string tokenizer_bytes(const std::vector<std::pair<float, std::string>>& pieces,
                            uint32_t longest) {
  std::string bytes;
  append(bytes, longest);
  for (const auto& [score, text] : pieces) {
    append(bytes, score);
    append(bytes, static_cast<uint32_t>(text.size()));
    bytes += text;
  }
  return bytes;
}

TEST(Llama2c, ReadsItsTokenizer) {
  const std::string bytes = tokenizer_bytes({{0.0f, "<unk>"}, {-1.5f, ""}, {2.0f, "\n"}}, 5);
  const Llama2cTokenizer tokenizer = parse_llama2c_tokenizer(bytes, 3, "t");
  ASSERT_EQ(tokenizer.pieces.size(), 3u);
  EXPECT_EQ(tokenizer.pieces[0].text, "<unk>");
  EXPECT_EQ(tokenizer.pieces[1].score, -1.5f);
  EXPECT_EQ(tokenizer.pieces[2].text, "\n");
}

TEST(Llama2c, RefusesAnImpossibleTokenizer) {
  const auto why = [](const std::string& bytes, int64_t vocab_size) {
    return error_message([&] { parse_llama2c_tokenizer(bytes, vocab_size, "t"); });
  };
  const std::string good = tokenizer_bytes({{0.0f, "abc"}, {1.0f, "d"}}, 3);
  EXPECT_THAT(why(good, 1), HasSubstr("t: 9 bytes follow the 1 pieces"));
  EXPECT_THAT(why(good, 3), HasSubstr("it ends inside a piece"));
  EXPECT_THAT(why(good, std::numeric_limits<int64_t>::max()), HasSubstr("ends inside a piece"));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_THAT(why(good.substr(0, size), 2), HasSubstr("ends inside a piece"));
  EXPECT_THAT(why(tokenizer_bytes({{0.0f, "abcd"}}, 3), 1),
              HasSubstr("piece 0 has 4 bytes and the score 0.000000, where at most 3"));
  EXPECT_THAT(why(tokenizer_bytes({{std::nanf(""), "a"}}, 3), 1), HasSubstr("a finite score"));
}

TEST(Llama2c, ThePublishedModelBecomesAHuggingFaceFolder) {
  const char* data = std::getenv("WEFT_DATA");
  const Path source = Path(data == nullptr ? "" : data) / "stories260k";
  // Public models, which do not belong to the project.
  if (real_file_system().status(source).kind != FileKind::kFolder)
    GTEST_SKIP() << "WEFT_DATA has no stories260k: public data that may not be copied here";
  const Llama2cFile file(source / "checkpoint_legacy.bin");
  EXPECT_EQ(file.config().hidden_size, 64);
  EXPECT_EQ(file.config().num_key_value_heads, 4);
  const auto tokenizer = read_llama2c_tokenizer(source / "tokenizer.bin", file.config().vocab_size);
  EXPECT_EQ(tokenizer.pieces.size(), 512u);
  EXPECT_EQ(tokenizer.pieces[13].text, "<0x0A>");
  const TemporaryFolder folder;
  write_model_folder(real_file_system(), folder / "m",
                     {.config = file.config().to_json(), .tensors = file.tensors()},
                     Overwrite::kOurs);
  const TensorSet tensors = TensorSet::from_folder(folder / "m");
  EXPECT_EQ(tensors.tensors().size(), 2u + 5 * 9);
  EXPECT_THAT(tensors.at("model.layers.4.mlp.gate_proj.weight").shape, ElementsAre(172, 64));
  EXPECT_EQ(read_model_config(folder / "m")["vocab_size"], 512);
}

}  // namespace
}  // namespace weft::io
