// Ids and decoded text against the reference values, for every tokenizer there is.
#include <gmock/gmock.h>
#include <openssl/evp.h>

#include <map>

#include "golden.h"
#include "text/json_tokenizer.h"
#include "text/sentencepiece_file.h"
#include "text/tokenizer.h"
#include "text/vocabulary_files.h"

namespace weft::text {
namespace {

using golden::read;

struct Case {
  const char* name;
  const char* data;       // its file in the data folder; null: tokenizers/NAME.json
  bool lowercase = true;  // of a vocab.txt
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

constexpr EncodeOptions kPlain{.add_special_tokens = false};
constexpr DecodeOptions kKeepSpecial{.skip_special_tokens = false};

std::string base64(std::string_view bytes) {
  std::string out(bytes.size() / 3 * 4 + 5, ' ');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

nlohmann::json special(int id, const char* text) {
  return {{"id", id},        {"content", text},     {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

// A Unigram tokenizer.model as a tokenizer.json, in the way of Hugging Face's converter for T5.
std::unique_ptr<const Tokenizer> as_hugging_face_converts(const std::string& content) {
  const SentencePieceFile file = parse_sentencepiece_file(content, "t5");
  nlohmann::json json = nlohmann::json::parse(R"({
    "normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Precompiled", "precompiled_charsmap": ""},
        {"type": "Strip", "strip_left": false, "strip_right": true},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always",
                      "split": true},
    "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always",
                "split": true},
    "post_processor": {"type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}},
                   {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [],
        "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}},
    "model": {"type": "Unigram", "unk_id": 2, "vocab": []}})");
  json["normalizer"]["normalizers"][0]["precompiled_charsmap"] = base64(file.character_map);
  json["added_tokens"] = {special(0, "<pad>"), special(1, "</s>"), special(2, "<unk>")};
  for (const auto& piece : file.pieces)
    json["model"]["vocab"].push_back({piece.text, static_cast<double>(piece.score)});
  TokenizerSource source;
  source.content = json.dump();
  source.origin = "t5_hf";
  source.exact_scores = true;
  return JsonTokenizer::make(std::move(source));
}

class Golden : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    folder_ = golden::text_folder();
    data_ = golden::data_folder();
    // Reference values are not part of the repository.
    if (folder_.empty() || data_.empty()) GTEST_SKIP() << "WEFT_GOLDEN or WEFT_DATA has no values";
    tokenizer_ = open(GetParam());
    expected_ = nlohmann::json::parse(read(folder_ + "/expected.json"));
  }

  std::unique_ptr<const Tokenizer> open(const Case& c) const {
    std::string path = data_ + (c.data != nullptr ? c.data : "");
    if (c.data == nullptr) {
      const std::string kind = std::string(c.name).starts_with("spm_") ? ".model" : ".json";
      path = folder_ + "/tokenizers/" + c.name + kind;
    }
    if (c.name == std::string("t5_hf")) return as_hugging_face_converts(read(path));
    if (!path.ends_with(".txt")) return load_tokenizer(path);
    return JsonTokenizer::make(source_from_bert_vocab(read(path), c.lowercase, path));
  }

  bool is_unigram_of_sentencepiece() const { return tokenizer_->name() == "sentencepiece unigram"; }

  // The texts of expected.json; empty for one whose copy here is another.
  std::string text_of(const std::string& name) const {
    static const std::map<std::string, std::string> kFiles = {
        {"tinyshakespeare", "/tinyshakespeare/input.txt"},
        {"wikitext-2-test", "/wikitext-2/test.txt"},
        {"tatoeba-3000", "/tatoeba-en-zh/cmn.txt"}};
    const auto file = kFiles.find(name);
    std::string text;
    if (name == "chinese-classics-300k") {
      text = first_of_chinese_classics();
    } else {
      text = read(file == kFiles.end() ? folder_ + "/" + name + ".txt" : data_ + file->second);
    }
    if (name == "tatoeba-3000") text.resize(expected_["texts"][name]["bytes"].get<size_t>());
    return golden::sha256(text) == expected_["texts"][name]["sha256"].get<std::string>()
               ? text
               : std::string();
  }
  std::string first_of_chinese_classics() const;

  std::string folder_, data_;
  nlohmann::json expected_;
  std::unique_ptr<const Tokenizer> tokenizer_;
};

std::string Golden::first_of_chinese_classics() const {
  const size_t bytes = expected_["texts"]["chinese-classics-300k"]["bytes"];
  return read(data_ + "/chinese-classics/\u7EA2\u697C\u68A6.txt").substr(0, bytes);
}

TEST_P(Golden, LinesHaveTheExpectedIds) {
  for (const std::string text : {"torture", "fuzz", "fuzz-any"}) {
    const auto lines = golden::lines_of(read(folder_ + "/" + text + ".txt"));
    const auto ids =
        golden::lines_of(read(folder_ + "/ids/" + GetParam().name + "." + text + ".txt"));
    ASSERT_EQ(lines.size(), ids.size()) << text;
    for (size_t i = 0; i < lines.size(); ++i) {
      ASSERT_EQ(tokenizer_->encode(lines[i], kPlain), golden::ids_of(ids[i]))
          << text << " line " << i + 1 << ": " << lines[i];
    }
  }
}

TEST_P(Golden, WholeFilesHaveTheExpectedIds) {
  for (const std::string text : {"torture", "fuzz"}) {
    const auto ids =
        golden::ids_of(read(folder_ + "/ids/" + GetParam().name + "." + text + ".whole.txt"));
    EXPECT_EQ(tokenizer_->encode(read(folder_ + "/" + text + ".txt"), kPlain), ids) << text;
  }
}

TEST_P(Golden, DecodedLinesAreEqual) {
  const auto ids = golden::lines_of(read(folder_ + "/ids/" + GetParam().name + ".torture.txt"));
  const auto texts =
      golden::lines_of(read(folder_ + "/decode/" + GetParam().name + ".torture.jsonl"));
  ASSERT_EQ(ids.size(), texts.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string expected = nlohmann::json::parse(texts[i]).get<std::string>();
    EXPECT_EQ(tokenizer_->decode(golden::ids_of(ids[i]), kKeepSpecial), expected)
        << "line " << i + 1;
  }
}

// The way with places is another way to the same tokens.
TEST_P(Golden, RowsHaveTheSameIds) {
  for (const std::string text : {"torture", "fuzz", "fuzz-any"}) {
    for (const std::string& line : golden::lines_of(read(folder_ + "/" + text + ".txt"))) {
      const auto rows = tokenizer_->encode_rows(line, {}, {});
      ASSERT_EQ(rows.size(), 1U);
      ASSERT_EQ(rows[0].ids, tokenizer_->encode(line)) << text << ": " << line;
    }
  }
}

TEST_P(Golden, LargeTextsHaveTheExpectedDigests) {
  int compared = 0;
  for (const auto& [name, value] : expected_["tokenizers"][GetParam().name]["texts"].items()) {
    const std::string text = text_of(name);
    if (text.empty()) continue;
    ++compared;
    const auto plain = tokenizer_->encode(text, kPlain);
    const auto special = tokenizer_->encode(text);
    // Single precision over a megabyte in one call: the ties of the sentencepiece library itself.
    if (text.size() < 100000 || !is_unigram_of_sentencepiece()) {
      EXPECT_EQ(plain.size(), value["plain"]["n"]) << name;
      EXPECT_EQ(golden::sha256(plain), value["plain"]["sha256"].get<std::string>()) << name;
      EXPECT_EQ(golden::sha256(special), value["special"]["sha256"].get<std::string>()) << name;
    }
    EXPECT_EQ(golden::sha256(tokenizer_->decode(special, kKeepSpecial)),
              value["decode"]["keep_special"]["sha256"].get<std::string>())
        << name;
    EXPECT_EQ(golden::sha256(tokenizer_->decode(special)),
              value["decode"]["skip_special"]["sha256"].get<std::string>())
        << name;
    EXPECT_EQ(tokenizer_->decode(plain, kKeepSpecial) == text, value["decode"]["equals_text"])
        << name;
    std::vector<int32_t> by_line;
    for (const std::string& line : golden::lines_of(text)) {
      tokenizer_->append_ids(line, kPlain, by_line);
    }
    EXPECT_EQ(golden::sha256(by_line), value["lines"]["sha256"].get<std::string>()) << name;
  }
  EXPECT_GE(compared, 3);  // torture, fuzz, fuzz-any lie beside the values
}

constexpr const char* kChineseVocab = "/tok-bert/bert-base-chinese-vocab.txt";

INSTANTIATE_TEST_SUITE_P(
    Tokenizers, Golden,
    testing::Values(
        Case{"gpt2", "/tok-gpt2/tokenizer.json"}, Case{"minimind", "/tok-minimind/tokenizer.json"},
        Case{"bpe_gpt2", nullptr}, Case{"bpe_llama3", nullptr}, Case{"bpe_qwen2", nullptr},
        Case{"bpe_llama2", nullptr}, Case{"bpe_metaspace", nullptr}, Case{"bpe_gemma", nullptr},
        Case{"bpe_dscoder", nullptr}, Case{"bpe_dsv3", nullptr}, Case{"bpe_o200k", nullptr},
        Case{"bert_uncased", "/tok-bert/tokenizer.json"}, Case{"wordpiece", nullptr},
        Case{"unigram_nfkc", nullptr}, Case{"t5_spm", "/tok-sentencepiece/t5-spiece.model"},
        Case{"t5_hf", "/tok-sentencepiece/t5-spiece.model"},
        Case{"test_spm", "/tok-sentencepiece/test_model.model"}, Case{"spm_bpe", nullptr},
        Case{"spm_unigram", nullptr}, Case{"unigram_precompiled", nullptr},
        Case{"bert_chinese", kChineseVocab}, Case{"bert_chinese_cased", kChineseVocab, false}),
    [](const testing::TestParamInfo<Case>& c) { return std::string(c.param.name); });

}  // namespace
}  // namespace weft::text
