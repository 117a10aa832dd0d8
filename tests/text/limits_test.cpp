// The limits of tokenizer files as docs/formats.md lists them: each at its value, and one beyond.
// Those that would need files of many megabytes are tested with smaller values in their place.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "small_tokenizer.h"
#include "tests/core/refusals.h"
#include "tests/core/temporary_folder.h"
#include "text/added_tokens.h"
#include "text/json_tokenizer.h"
#include "text/regex_parser.h"
#include "text/sentencepiece_file.h"
#include "text/tokenizer_document.h"
#include "text/vocabulary_files.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

std::string refusal(const std::string& json, const DocumentLimits& limits = {}) {
  return said_by([&] { parse_tokenizer_document(json, "t.json", limits); });
}

std::string refusal(const Json& json) {
  return said_by([&] { open_json(json); });
}

TEST(Limits, TokenizersAreAsDocumented) {
  EXPECT_EQ(DocumentLimits{}.bytes, 268'435'456);
  EXPECT_EQ(DocumentLimits{}.tokens, 4'194'304u);
  EXPECT_EQ(DocumentLimits{}.merges, 8'388'608u);
}

TEST(Limits, TokenizerBytes) {
  EXPECT_EQ(refusal("{}" + times(" ", 98), {.bytes = 100}), "");
  EXPECT_THAT(refusal("{}" + times(" ", 99), {.bytes = 100}), HasSubstr("at most 100 are read"));
  // A sparse file: its size is looked at before it is read.
  const TemporaryFolder folder;
  for (const char* name : {"tokenizer.json", "tokenizer.model", "vocab.txt"}) {
    const auto file = folder.write(name, "{");
    std::filesystem::resize_file(file, 268'435'457);
    EXPECT_THAT(said_by([&] { load_tokenizer(file.string()); }), HasSubstr("268435456")) << name;
    std::filesystem::remove(file);
  }
}

TEST(Limits, LinesOfAVocabulary) {
  const auto lines = [](size_t count) {
    return said_by([&] { source_from_bert_vocab(times("a\n", count), true, "vocab.txt"); });
  };
  EXPECT_THAT(lines(4'194'304), HasSubstr("vocab.txt:2: the token 'a' is there twice"));
  EXPECT_THAT(lines(4'194'305), HasSubstr("more than 4194304 lines"));
}

TEST(Limits, FilesBesideTokenizers) {
  const TemporaryFolder folder;
  folder.write("tokenizer.json", small_tokenizer().dump());
  constexpr size_t kLimit = size_t{16} << 20;
  const auto beside = [&](size_t bytes) {
    folder.write("tokenizer_config.json", "{}" + std::string(bytes - 2, ' '));
    return said_by([&] { load_tokenizer(folder.path().string()); });
  };
  EXPECT_EQ(beside(kLimit), "");
  EXPECT_THAT(beside(kLimit + 1), HasSubstr("16777216"));
}

TEST(Limits, TokenizerDepth) {
  const auto nested = [](size_t depth) {
    return refusal("{\"a\":" + times("[", depth - 1) + times("]", depth - 1) + "}");
  };
  EXPECT_EQ(nested(32), "");
  EXPECT_THAT(nested(33), HasSubstr("nested deeper than 32 levels"));
}

TEST(Limits, TokensAndMerges) {
  const DocumentLimits limits{.tokens = 3, .merges = 2};
  const auto model = [&](const std::string& members) {
    return refusal("{\"model\":{" + members + "}}", limits);
  };
  EXPECT_EQ(model(R"("vocab":{"a":0,"b":1,"c":2})"), "");
  EXPECT_THAT(model(R"("vocab":{"a":0,"b":1,"c":2,"d":3})"), HasSubstr("more than 3 tokens"));
  EXPECT_EQ(model(R"("vocab":[["a",0],["b",1],["c",2]])"), "");
  EXPECT_THAT(model(R"("vocab":[["a",0],["b",1],["c",2],["d",3]])"),
              HasSubstr("more than 3 tokens"));
  EXPECT_EQ(model(R"("merges":["a b",["c","d"]])"), "");
  EXPECT_THAT(model(R"("merges":["a b",["c","d"],"e f"])"), HasSubstr("more than 2 entries"));
  EXPECT_THAT(model(R"("merges":["a b",["c","d"],["e","f"]])"), HasSubstr("more than 2 entries"));
}

TEST(Limits, OtherValuesOfTokenizers) {  // the document and its list are two of them
  EXPECT_EQ(refusal("{\"a\":[" + times("1,", 299'997) + "1]}"), "");
  EXPECT_THAT(refusal("{\"a\":[" + times("1,", 299'998) + "1]}"),
              HasSubstr("more than 300000 values outside of model.vocab and model.merges"));
}

TEST(Limits, TokenBytes) {
  const auto with_token = [](size_t bytes) {
    Json json = small_tokenizer();
    json["model"]["vocab"][std::string(bytes, 'x')] = 11;
    return refusal(json);
  };
  EXPECT_EQ(with_token(4096), "");
  EXPECT_THAT(with_token(4097), HasSubstr("the token is longer than 4096 bytes"));
}

TEST(Limits, AddedTokens) {
  const auto with_content = [](size_t bytes) {
    Json json = small_tokenizer();
    json["added_tokens"].push_back(added_token(11, std::string(bytes, 'x')));
    return refusal(json);
  };
  EXPECT_EQ(with_content(1024), "");
  EXPECT_THAT(with_content(1025), HasSubstr("is longer than 1024 bytes"));
  const auto with_tokens = [](size_t count) {
    Json list = Json::array();
    for (size_t i = 0; i < count; ++i)
      list.push_back(added_token(static_cast<int>(i), std::to_string(i)));
    return said_by([&] { read_added_tokens(list, "t.json: added_tokens"); });
  };
  EXPECT_EQ(with_tokens(32'768), "");
  EXPECT_THAT(with_tokens(32'769), HasSubstr("32769 entries; at most 32768"));
}

// All of them, as a file has them, are within the limit on values.
TEST(Limits, AsManyAddedTokensAsAllowedAreRead) {
  Json json = small_tokenizer();
  json["added_tokens"].clear();
  for (int i = 0; i < 32'768; ++i)
    json["added_tokens"].push_back(added_token(11 + i, "<t" + std::to_string(i) + ">"));
  EXPECT_EQ(open_json(json)->vocab_size(), 11 + 32'768);
}

TEST(Limits, IdsWithoutTokens) {
  const auto highest_id = [](int id) {
    Json json = small_tokenizer();
    json["model"]["vocab"]["x"] = id;
    return refusal(json);
  };
  EXPECT_EQ(highest_id(11 + 4096), "");
  EXPECT_THAT(highest_id(11 + 4097), HasSubstr("at most 4096 ids may have none"));
}

TEST(Limits, Expressions) {
  const auto why = [](const std::string& expression) {
    return said_by([&] { parse_regex(expression, "t.json: pattern"); });
  };
  EXPECT_EQ(why(std::string(65'536, 'a')), "");
  EXPECT_THAT(why(std::string(65'537, 'a')), HasSubstr("longer than 65536 bytes"));
  EXPECT_EQ(why("a{1000}"), "");
  EXPECT_THAT(why("a{1001}"), HasSubstr("a repetition count is above 1000"));
}

TEST(Limits, Steps) {
  const auto with_steps = [](const char* member, const char* list, size_t count) {
    Json json = small_tokenizer();
    Json steps = Json::array();
    const char* type = std::string(member) == "normalizer" ? "Lowercase" : "WhitespaceSplit";
    for (size_t i = 0; i < count; ++i) steps.push_back({{"type", type}});
    json[member] = {{"type", "Sequence"}, {list, steps}};
    json["decoder"] = nullptr;
    return refusal(json);
  };
  EXPECT_EQ(with_steps("normalizer", "normalizers", 32), "");
  EXPECT_THAT(with_steps("normalizer", "normalizers", 33), HasSubstr("32"));
  EXPECT_EQ(with_steps("pre_tokenizer", "pretokenizers", 32), "");
  EXPECT_THAT(with_steps("pre_tokenizer", "pretokenizers", 33), HasSubstr("32"));
}

// A field of bytes as protobuf writes it.
std::string field(char number, const std::string& bytes) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  for (size_t n = bytes.size();; n >>= 7) {
    out += static_cast<char>(n >= 0x80 ? 0x80 | (n & 0x7F) : n);
    if (n < 0x80) return out + bytes;
  }
}

TEST(Limits, SentencePieces) {
  const auto piece = [](const std::string& text) { return field(1, field(1, text)); };
  const std::string unknown = field(1, field(1, "<unk>") + "\x18\x02");
  const auto why = [](const std::string& content, size_t most = 3) {
    return said_by([&] { parse_sentencepiece_file(content, "t.model", most); });
  };
  EXPECT_EQ(why(unknown + piece("a") + piece("b")), "");
  EXPECT_THAT(why(unknown + piece("a") + piece("b") + piece("c")), HasSubstr("more than 3 pieces"));
  EXPECT_EQ(why(unknown + piece(std::string(4096, 'x'))), "");
  EXPECT_THAT(why(unknown + piece(std::string(4097, 'x'))),
              HasSubstr("a piece is longer than 4096 bytes"));
}

}  // namespace
}  // namespace weft::text
