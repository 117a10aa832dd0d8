// Offsets, pairs, windows and padding against the reference values.
#include <gmock/gmock.h>

#include "golden.h"
#include "text/json_tokenizer.h"
#include "text/tokenizer.h"
#include "text/vocabulary_files.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using golden::read;
using nlohmann::json;

std::string golden_or_empty() {
  return golden::data_folder().empty() ? std::string() : golden::text_folder();
}

class OffsetGolden : public testing::TestWithParam<std::pair<const char*, const char*>> {};

json pairs_of(const std::vector<TextSpan>& spans) {
  json list = json::array();
  for (const TextSpan& span : spans) list.push_back({span.begin, span.end});
  return list;
}

json with_null(const std::vector<int32_t>& numbers) {
  json list = json::array();
  for (const int32_t n : numbers) list.push_back(n < 0 ? json() : json(n));
  return list;
}

TEST_P(OffsetGolden, AreEqual) {
  const std::string folder = golden_or_empty();
  if (folder.empty()) GTEST_SKIP() << "WEFT_GOLDEN or WEFT_DATA has no values";
  const auto [name, data] = GetParam();
  const auto tokenizer =
      load_tokenizer(*data != 0 ? golden::data_folder() + data
                                : folder + "/tokenizers/" + std::string(name) + ".json");
  const auto lines = golden::lines_of(read(folder + "/torture.txt"));
  const auto rows = golden::lines_of(read(folder + "/offsets/" + std::string(name) + ".jsonl"));
  ASSERT_EQ(lines.size(), rows.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const json expected = json::parse(rows[i]);
    const Encoding row = tokenizer->encode_rows(lines[i], {}, {})[0];
    EXPECT_EQ(json(row.ids), expected["ids"]) << "line " << i + 1;
    EXPECT_EQ(pairs_of(row.offsets), expected["bytes"]) << "line " << i + 1 << ": " << lines[i];
    EXPECT_EQ(json(row.special), expected["special"]) << "line " << i + 1;
    EXPECT_EQ(with_null(row.words), expected["words"]) << "line " << i + 1;
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, OffsetGolden,
                         testing::Values(std::pair("gpt2", "/tok-gpt2/tokenizer.json"),
                                         std::pair("bert_uncased", "/tok-bert/tokenizer.json"),
                                         std::pair("bpe_llama2", ""), std::pair("bpe_qwen2", ""),
                                         std::pair("unigram_nfkc", "")),
                         [](const auto& c) { return std::string(c.param.first); });

// Reference offsets count characters.
json in_characters(const Encoding& row, const std::string& a, const std::string& b) {
  json list = json::array();
  for (size_t i = 0; i < row.size(); ++i) {
    const std::string& text = row.sequences[i] == 1 ? b : a;
    const auto count = [&](size_t bytes) {
      return std::count_if(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bytes),
                           [](char c) { return !is_continuation(c); });
    };
    list.push_back({count(row.offsets[i].begin), count(row.offsets[i].end)});
  }
  return list;
}

RowOptions options_of(const json& given) {
  RowOptions options;
  const auto side = [](const json& name) { return name == "left" ? Side::kLeft : Side::kRight; };
  if (const json& truncation = given["truncation"]; !truncation.is_null()) {
    using Strategy = Truncation::Strategy;
    const json& strategy = truncation["strategy"];
    options.truncation = {.max_length = truncation["max_length"],
                          .strategy = strategy == "only_first"    ? Strategy::kOnlyFirst
                                      : strategy == "only_second" ? Strategy::kOnlySecond
                                                                  : Strategy::kLongestFirst,
                          .stride = truncation["stride"],
                          .side = side(truncation["direction"])};
  }
  if (const json& padding = given["padding"]; !padding.is_null()) {
    options.padding.emplace();
    if (!padding["length"].is_null()) options.padding->length = padding["length"].get<int64_t>();
    if (!padding["pad_to_multiple_of"].is_null())
      options.padding->multiple = padding["pad_to_multiple_of"];
    options.padding->side = side(padding["direction"]);
  }
  return options;
}

void expect_rows(const std::vector<Encoding>& rows, const json& expected, const std::string& a,
                 const std::string& b) {
  ASSERT_EQ(rows.size(), expected.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(json(rows[i].ids), expected[i]["ids"]) << "row " << i;
    EXPECT_EQ(json(rows[i].type_ids), expected[i]["type_ids"]) << "row " << i;
    EXPECT_EQ(json(rows[i].attention), expected[i]["attention_mask"]) << "row " << i;
    EXPECT_EQ(json(rows[i].special), expected[i]["special_tokens_mask"]) << "row " << i;
    EXPECT_EQ(in_characters(rows[i], a, b), expected[i]["offsets"]) << "row " << i;
    EXPECT_EQ(with_null(rows[i].words), expected[i]["word_ids"]) << "row " << i;
  }
}

TEST(PairGolden, AllCasesAreEqual) {
  const std::string folder = golden_or_empty();
  if (folder.empty()) GTEST_SKIP() << "WEFT_GOLDEN or WEFT_DATA has no values";
  const std::string data = golden::data_folder() + "/tok-bert";
  const auto uncased = load_tokenizer(data + "/tokenizer.json");
  const std::string vocab = data + "/bert-base-chinese-vocab.txt";
  const auto chinese = JsonTokenizer::make(source_from_bert_vocab(read(vocab), true, vocab));
  int refused = 0;
  for (const std::string& line : golden::lines_of(read(folder + "/bert_pairs.jsonl"))) {
    const json row = json::parse(line);
    SCOPED_TRACE(row["tokenizer"].dump() + " case " + row["case"].dump());
    const Tokenizer& tokenizer = row["tokenizer"] == "bert_uncased" ? *uncased : *chinese;
    const std::string a = row["a"], b = row["b"].is_null() ? "" : row["b"].get<std::string>();
    const auto pair = row["b"].is_null() ? std::nullopt : std::optional<std::string_view>(b);
    if (row.contains("error")) {
      ++refused;
      EXPECT_THROW(tokenizer.encode_rows(a, pair, options_of(row)), Error);
    } else {
      expect_rows(tokenizer.encode_rows(a, pair, options_of(row)), row["encodings"], a, b);
    }
  }
  EXPECT_EQ(refused, 2);
}

}  // namespace
}  // namespace weft::text
