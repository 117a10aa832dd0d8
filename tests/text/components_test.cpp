// Single components of tokenizer.json in small: what added tokens, pre-tokenizers, decoders and
// post-processors do. The reference values (golden_test.cpp) have them all together.
#include <gmock/gmock.h>

#include "small_tokenizer.h"
#include "text/pre_tokenizer.h"
#include "text/token_decoder.h"
#include "text/tokenizer_info.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using testing::ElementsAre;
using Json = nlohmann::json;
using Words = std::vector<std::string>;
using Ids = std::vector<int32_t>;

Words cut(const Json& component, std::string_view text, bool at_start = true) {
  const PreTokenizer pre_tokenizer(component, "test");
  CutText cut;
  cut.start(text, at_start);
  pre_tokenizer.cut(cut);
  Words words;
  for (size_t i = 0; i < cut.ranges.size(); ++i) words.emplace_back(cut.word(i));
  return words;
}

Json split(const char* kind, const char* pattern, const char* behavior, bool invert = false) {
  return {{"type", "Split"},
          {"pattern", {{kind, pattern}}},
          {"behavior", behavior},
          {"invert", invert}};
}

// The examples of Hugging Face's documentation.
TEST(PreTokenizer, SplitHasFiveBehaviors) {
  const auto with = [](const char* behavior) {
    return cut(split("String", "-", behavior), "the-final--countdown");
  };
  EXPECT_THAT(with("Removed"), ElementsAre("the", "final", "countdown"));
  EXPECT_THAT(with("Isolated"), ElementsAre("the", "-", "final", "-", "-", "countdown"));
  EXPECT_THAT(with("MergedWithPrevious"), ElementsAre("the-", "final-", "-", "countdown"));
  EXPECT_THAT(with("MergedWithNext"), ElementsAre("the", "-final", "-", "-countdown"));
  EXPECT_THAT(with("Contiguous"), ElementsAre("the", "-", "final", "--", "countdown"));
}

TEST(PreTokenizer, SplitAtTheEnds) {
  EXPECT_THAT(cut(split("String", "-", "MergedWithPrevious"), "-a-"), ElementsAre("-", "a-"));
  EXPECT_THAT(cut(split("String", "-", "MergedWithNext"), "-a-"), ElementsAre("-a", "-"));
  EXPECT_THAT(cut(split("String", "-", "Contiguous"), "--a"), ElementsAre("--", "a"));
  EXPECT_THAT(cut(split("String", "-", "Removed"), "--"), ElementsAre());
  EXPECT_THAT(cut(split("String", "x", "Isolated"), ""), ElementsAre());
}

// What Hugging Face's library gives for these texts.
TEST(PreTokenizer, CutsWhereScriptsMeet) {
  const Json scripts = {{"type", "UnicodeScripts"}};
  EXPECT_THAT(cut(scripts, " \u3069\u3053\u3067\u751F\u308C\u3002Yes, \u00A1\u00DCnder \u30FC 12"),
              ElementsAre("\u3069\u3053\u3067\u751F\u308C", "\u3002", "Yes", ", \u00A1",
                          "\u00DCnder ", "\u30FC ", "12"));
  EXPECT_THAT(cut(scripts, "\u4EAC\u90FD \u30AB\u30FCabc, xyz \u041F\u0440\u0438"),
              ElementsAre("\u4EAC\u90FD \u30AB\u30FC", "abc", ", ", "xyz ", "\u041F\u0440\u0438"));
  EXPECT_THAT(cut(scripts, "  "), ElementsAre());
}

TEST(PreTokenizer, CutsAtFixedLengths) {
  EXPECT_THAT(cut({{"type", "FixedLength"}, {"length", 3}}, "abcd\u00E9fg"),
              ElementsAre("abc", "d\u00E9f", "g"));
  EXPECT_THAT(cut({{"type", "FixedLength"}}, "abcdef"), ElementsAre("abcde", "f"));
}

TEST(PreTokenizer, SplitByExpressionAndInverted) {
  EXPECT_THAT(cut(split("Regex", "\\p{N}{1,2}", "Isolated"), "a123b"),
              ElementsAre("a", "12", "3", "b"));
  EXPECT_THAT(cut(split("Regex", "\\w+", "Removed", true), "ab, cd"), ElementsAre("ab", "cd"));
  EXPECT_THAT(cut(split("Regex", "x*", "Isolated"), "ab"), ElementsAre("a", "b"));
}

TEST(PreTokenizer, DigitsAreOneByOneOrTogether) {
  const auto digits = [](bool each) {
    return Json{{"type", "Digits"}, {"individual_digits", each}};
  };
  EXPECT_THAT(cut(digits(true), "a12\u00BD"), ElementsAre("a", "1", "2", "\u00BD"));
  EXPECT_THAT(cut(digits(false), "a12\u00BD b"), ElementsAre("a", "12\u00BD", " b"));
}

TEST(PreTokenizer, MetaspaceMarksSpaces) {
  const auto metaspace = [](const char* scheme, bool splits) {
    return Json{
        {"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", scheme}, {"split", splits}};
  };
  EXPECT_THAT(cut(metaspace("always", true), "a  b"), ElementsAre("_a", "_", "_b"));
  EXPECT_THAT(cut(metaspace("always", false), " a b"), ElementsAre("_a_b"));
  EXPECT_THAT(cut(metaspace("first", false), "a b"), ElementsAre("_a_b"));
  EXPECT_THAT(cut(metaspace("first", false), "a b", false), ElementsAre("a_b"));
  EXPECT_THAT(cut(metaspace("never", true), "a b"), ElementsAre("a", "_b"));
}

TEST(PreTokenizer, ByteLevelPrefixAndSequence) {
  const Json prefix = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}};
  EXPECT_THAT(cut(prefix, "a b"), ElementsAre(" a", " b"));
  EXPECT_THAT(cut(prefix, " a"), ElementsAre(" a"));
  const Json sequence = {{"type", "Sequence"},
                         {"pretokenizers", {split("Regex", "\\s", "Removed"), prefix}}};
  EXPECT_THAT(cut(sequence, "a bc"), ElementsAre(" a", " bc"));
  EXPECT_THAT(cut(nullptr, "a bc"), ElementsAre("a bc"));
  EXPECT_THAT(cut({{"type", "WhitespaceSplit"}}, " a\u3000b "), ElementsAre("a", "b"));
}

TEST(PreTokenizer, CutsAtClasses) {
  EXPECT_THAT(cut({{"type", "BertPreTokenizer"}}, "Hi, a-b\u3001c"),
              ElementsAre("Hi", ",", "a", "-", "b", "\u3001", "c"));
  EXPECT_THAT(cut({{"type", "Whitespace"}}, "don't  stop!? \u4E2D1"),
              ElementsAre("don", "'", "t", "stop", "!?", "\u4E2D1"));
  EXPECT_THAT(cut({{"type", "Punctuation"}}, "a, b"), ElementsAre("a", ",", " b"));
  EXPECT_THAT(cut({{"type", "Punctuation"}, {"behavior", "Removed"}}, "a, b"),
              ElementsAre("a", " b"));
  EXPECT_THAT(cut({{"type", "CharDelimiterSplit"}, {"delimiter", "|"}}, "|a||b"),
              ElementsAre("a", "b"));
}

std::string decoded(const Json& component, Words tokens, const DecodeOptions& options = {}) {
  return TokenDecoder(component, "test").decode(std::move(tokens), options);
}

TEST(TokenDecoder, ByteFallbackMakesTextOfBytes) {
  const Json fallback = {{"type", "ByteFallback"}};
  EXPECT_EQ(decoded(fallback, {"a", "<0xE4>", "<0xBD>", "<0xA0>", "b"}), "a\u4F60b");
  EXPECT_EQ(decoded(fallback, {"<0xE4>", "<0xBD>", "x"}), "\uFFFD\uFFFDx");
  EXPECT_EQ(decoded(fallback, {"<0xE4>"}, {.replace_invalid_utf8 = false}), "\xE4");
  EXPECT_EQ(decoded(fallback, {"<0xZZ>", "<0x4>", "<0x041>"}), "<0xZZ><0x4><0x041>");
}

TEST(TokenDecoder, StripsAtTheStartOfATextOnly) {
  const Json strip = {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 1}};
  EXPECT_EQ(decoded(strip, {"  a ", " b"}), " ab");  // each token by itself
  const Json fused = {{"type", "Sequence"}, {"decoders", {{{"type", "Fuse"}}, strip}}};
  EXPECT_EQ(decoded(fused, {"  a ", " b"}), " a  b");
  EXPECT_EQ(decoded(fused, {" a"}, {.continues = true}), " a");
}

TEST(TokenDecoder, MetaspaceReplaceAndNone) {
  const Json metaspace = {
      {"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "always"}, {"split", true}};
  EXPECT_EQ(decoded(metaspace, {"_a", "_b", "c_"}), "a bc ");
  EXPECT_EQ(decoded(metaspace, {"_a"}, {.continues = true}), " a");
  const Json replace = {{"type", "Replace"}, {"pattern", {{"Regex", "[xy]"}}}, {"content", "--"}};
  EXPECT_EQ(decoded(replace, {"axb", "y"}), "a--b--");
  EXPECT_EQ(decoded(nullptr, {"a", "b"}), "a b");
}

TEST(TokenDecoder, WordPieceSuffixAndCtc) {
  const auto pieces = [](bool cleanup) {
    return Json{{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", cleanup}};
  };
  EXPECT_EQ(decoded(pieces(false), {"do", "##n", "'", "t", "go", "."}), "don ' t go .");
  EXPECT_EQ(decoded(pieces(true), {"##a", "go", ".", "i", "'m"}), "##a go. i'm");
  EXPECT_EQ(decoded(pieces(false), {"a", "##b"}, {.continues = true}), " ab");
  EXPECT_EQ(decoded({{"type", "BPEDecoder"}, {"suffix", "</w>"}}, {"a", "b</w>", "c</w>"}), "ab c");
  const Json ctc = {
      {"type", "CTC"}, {"pad_token", "-"}, {"word_delimiter_token", "|"}, {"cleanup", true}};
  EXPECT_EQ(decoded(ctc, {"h", "h", "-", "i", "i", "|", "a", "-", "a"}), "hi aa");
}

class AddedTokens : public testing::Test {
 protected:
  // The small tokenizer with one more token, id 11.
  static std::unique_ptr<const Tokenizer> with(const char* content,
                                               std::vector<const char*> flags) {
    Json json = small_tokenizer(), token = added_token(11, content);
    for (const char* flag : flags) token[flag] = true;
    json["added_tokens"].push_back(token);
    return open_json(json);
  }
};

TEST_F(AddedTokens, AreCutOutOfTheText) {
  EXPECT_EQ(with("de", {})->encode("abde<s>a"), (Ids{7, 11, 0, 1}));
  EXPECT_EQ(with("dede", {})->encode("dedede"), (Ids{11, 4, 5}));
  EXPECT_EQ(with("a b", {})->encode("aa b"), (Ids{1, 11}));
}

TEST_F(AddedTokens, SingleWordsHaveNoWordBesideThem) {
  const auto tokenizer = with("de", {"single_word"});
  EXPECT_EQ(tokenizer->encode("de"), (Ids{11}));
  EXPECT_EQ(tokenizer->encode("de de"), (Ids{11, 6, 11}));
  EXPECT_EQ(tokenizer->encode("ade"), (Ids{1, 4, 5}));
  EXPECT_EQ(tokenizer->encode("dea"), (Ids{4, 5, 1}));
}

TEST_F(AddedTokens, TakeWhiteSpace) {
  EXPECT_EQ(with("de", {"lstrip"})->encode("a  de a"), (Ids{1, 11, 8}));
  EXPECT_EQ(with("de", {"rstrip"})->encode("a de  a"), (Ids{1, 6, 11, 1}));
  EXPECT_EQ(with("de", {"lstrip", "rstrip"})->encode(" de  de "), (Ids{11, 11}));
}

TEST_F(AddedTokens, SpecialOnesCanBeLeftAlone) {
  Json json = small_tokenizer();
  json["added_tokens"][0]["content"] = "b";
  json["added_tokens"][0]["id"] = 2;
  const auto tokenizer = open_json(json);
  EXPECT_EQ(tokenizer->encode("ab"), (Ids{1, 2}));
  EXPECT_EQ(tokenizer->encode("ab", {.find_special_tokens = false}), (Ids{7}));
  EXPECT_EQ(tokenizer->decode(Ids{1, 2}), "a");
  EXPECT_EQ(tokenizer->decode(Ids{1, 2}, {.skip_special_tokens = false}), "ab");
}

TEST_F(AddedTokens, NormalizedOnesAreFoundInNormalizedText) {
  Json json = small_tokenizer(), token = added_token(11, "e");
  token["normalized"] = true;
  json["added_tokens"] = Json::array();
  json["model"]["vocab"].erase("e");
  json["model"]["vocab"]["f"] = 5;
  json["added_tokens"].push_back(token);
  json["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", "f"}}}, {"content", "e"}};
  EXPECT_EQ(open_json(json)->encode("afe"), (Ids{1, 11, 11}));
}

// Which of them Hugging Face's library finds.
TEST_F(AddedTokens, SomeAreTheSameInNormalizedText) {
  const auto found = [](bool first_is_special) {
    Json json = small_tokenizer(), upper = added_token(11, "E"), lower = added_token(12, "e");
    upper["normalized"] = lower["normalized"] = true;
    upper["special"] = first_is_special;
    json["added_tokens"] = {upper, lower};
    json["normalizer"] = {{"type", "Lowercase"}};
    json["model"]["vocab"].erase("e");
    json["model"]["vocab"]["f"] = 5;
    return open_json(json)->encode("eE");
  };
  EXPECT_EQ(found(false), (Ids{12, 12}));
  EXPECT_EQ(found(true), (Ids{11, 11}));
}

// Then words are of letters that stand for bytes.
TEST(PreTokenizer, ByteLevelNeedNotBeLast) {
  Json json = small_tokenizer();
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers", {json["pre_tokenizer"], split("String", "\u0120", "Isolated")}}};
  EXPECT_EQ(open_json(json)->encode("ab ab"), (Ids{7, 6, 7}));
  const auto rows = open_json(json)->encode_rows("ab ab", std::nullopt, {});
  EXPECT_THAT(rows[0].offsets, ElementsAre(TextSpan{0, 2}, TextSpan{2, 3}, TextSpan{3, 5}));
}

TEST(PreTokenizer, ByteLevelGoesWithAllModels) {
  Json json = small_tokenizer();
  json["model"] = {{"type", "WordLevel"},
                   {"vocab", {{"<s>", 0}, {"a", 1}, {"\u0120\u00C3\u00A9", 2}, {"[UNK]", 3}}},
                   {"unk_token", "[UNK]"}};
  EXPECT_EQ(open_json(json)->encode("a \u00E9 b"), (Ids{1, 2, 3}));
  EXPECT_EQ(open_json(json)->decode(Ids{1, 2}), "a \u00E9");
  const auto rows = open_json(json)->encode_rows("a \u00E9 b", std::nullopt, {});
  EXPECT_THAT(rows[0].offsets, ElementsAre(TextSpan{0, 1}, TextSpan{1, 4}, TextSpan{4, 6}));
}

TEST(PostProcessor, PutsTokensAround) {
  const auto with = [](const Json& component) {
    Json json = small_tokenizer();
    json["post_processor"] = component;
    return open_json(json);
  };
  const Json roberta = {{"type", "RobertaProcessing"},
                        {"cls", {"<s>", 0}},
                        {"sep", {"e", 5}},
                        {"trim_offsets", true},
                        {"add_prefix_space", false}};
  EXPECT_EQ(with(roberta)->encode("ab"), (Ids{0, 7, 5}));
  EXPECT_EQ(with(roberta)->encode("ab", {.add_special_tokens = false}), (Ids{7}));
  EXPECT_EQ(with(roberta)->encode(""), (Ids{0, 5}));
  const Json ids = {{"x", {{"id", "x"}, {"ids", {1, 2}}, {"tokens", {"a", "b"}}}}};
  const Json pieces = Json::parse(R"([{"SpecialToken": {"id": "x", "type_id": 0}},
      {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "x", "type_id": 0}}])");
  const Json tmpl = {{"type", "TemplateProcessing"}, {"single", pieces}, {"special_tokens", ids}};
  EXPECT_EQ(with(tmpl)->encode("e"), (Ids{1, 2, 5, 1, 2}));
  const Json both = {{"type", "Sequence"}, {"processors", {tmpl, roberta}}};
  EXPECT_EQ(with(both)->encode("e"), (Ids{0, 1, 2, 5, 1, 2, 5}));
}

// GPT-4o's vocabulary has 199,998 tokens, then the special ones 199,999 and 200,018.
TEST(SmallTokenizer, SomeIdsMayHaveNoToken) {
  Json json = small_tokenizer();
  json["model"]["vocab"]["bb"] = 20;
  json["model"]["merges"].push_back("b b");
  json["added_tokens"].push_back(added_token(30, "<e>"));
  const auto tokenizer = open_json(json);
  EXPECT_EQ(tokenizer->vocab_size(), 31);
  EXPECT_EQ(tokenizer->encode("bb<e>"), (std::vector<int32_t>{20, 30}));
  EXPECT_EQ(tokenizer->decode(std::vector<int32_t>{15, 1, 29, 20, 30}), "abb<e>");
  EXPECT_EQ(tokenizer->token_text(29), "");
  EXPECT_EQ(tokenizer->token_id(""), std::nullopt);
  EXPECT_FALSE(tokenizer->is_special(29));
  EXPECT_THROW(tokenizer->decode(std::vector<int32_t>{31}), Error);
  EXPECT_EQ(tokenizer_info(*tokenizer).ids_without_token, 18);
  EXPECT_EQ(tokenizer->files()[0].content, json.dump()) << "goes into exports as it was read";
  // Other decoders put a space before a token: not before one that is none.
  json["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", false}};
  EXPECT_EQ(open_json(json)->decode(std::vector<int32_t>{1, 29, 2}), "a b");
  json["post_processor"] = {{"type", "BertProcessing"},
                            {"sep", Json::array({"<x>", 29})},
                            {"cls", Json::array({"<s>", 0})}};
  EXPECT_THROW(open_json(json), Error);
}

TEST(SmallTokenizer, TheVersionOfMergesIsNoMerge) {
  Json json = small_tokenizer();
  json["model"]["merges"].insert(json["model"]["merges"].begin(), "#version: 0.2");
  EXPECT_EQ(open_json(json)->encode("abcd ab"), (Ids{10, 6, 7}));
}

TEST(SmallTokenizer, RowsAreToldOf) {
  const auto rows_of = [](const Json& truncation, const Json& padding) {
    Json json = small_tokenizer();
    json["truncation"] = truncation;
    json["padding"] = padding;
    std::string told;
    for (const auto& [part, text] : tokenizer_info(*open_json(json)).pipeline)
      if (part == "truncation" || part == "padding") told += part + " " + text + "\n";
    return told;
  };
  EXPECT_EQ(rows_of(nullptr, nullptr), "");
  const Json truncation = {
      {"direction", "Right"}, {"max_length", 4}, {"strategy", "LongestFirst"}, {"stride", 0}};
  Json padding = {{"strategy", {{"Fixed", 6}}},
                  {"direction", "Right"},
                  {"pad_to_multiple_of", nullptr},
                  {"pad_id", 0},
                  {"pad_type_id", 0},
                  {"pad_token", "<s>"}};
  EXPECT_EQ(rows_of(truncation, padding),
            "truncation to 4 tokens, where rows are made\n"
            "padding to 6 tokens, where rows are made\n");
  padding["strategy"] = "BatchLongest";
  EXPECT_EQ(rows_of(nullptr, padding), "padding to the longest row, where rows are made\n");
}

TEST(SmallTokenizer, TokensBothWays) {
  const auto tokenizer = open_json(small_tokenizer());
  EXPECT_EQ(tokenizer->name(), "bpe");
  EXPECT_EQ(tokenizer->vocab_size(), 11);
  EXPECT_EQ(tokenizer->encode("abcd ab cde"), (Ids{10, 6, 7, 6, 9, 5}));
  EXPECT_EQ(tokenizer->decode(Ids{10, 6, 7, 6, 9, 5}), "abcd ab cde");
  EXPECT_EQ(tokenizer->token_text(8), "\u0120a");
  EXPECT_EQ(tokenizer->token_id("abcd"), 10);
  EXPECT_EQ(tokenizer->token_id("nothing"), std::nullopt);
  EXPECT_TRUE(tokenizer->is_special(0));
  EXPECT_FALSE(tokenizer->is_special(1));
  EXPECT_EQ(tokenizer->special_ids().bos, 0);
  EXPECT_TRUE(tokenizer->encode("").empty());
  EXPECT_EQ(tokenizer->decode({}), "");
}

// A step that finds nothing left puts nothing there, and places stay those of the text. The values
// are those of Hugging Face's library.
TEST(Components, ReplaceFindsNothingWhereNothingIsLeft) {
  auto json = small_tokenizer();
  json["normalizer"] = nlohmann::json::parse(R"({"type": "Sequence", "normalizers": [
      {"type": "Strip", "strip_left": true, "strip_right": true},
      {"type": "Replace", "pattern": {"Regex": " {0,}"}, "content": "e"}, {"type": "NFC"}]})");
  json["pre_tokenizer"] = nullptr;
  json["post_processor"] = nullptr;
  const auto tokenizer = open_json(json);
  for (const char* text : {" ", "\t\r\n", ""}) {
    EXPECT_EQ(tokenizer->encode(text), std::vector<int32_t>()) << text;
    EXPECT_EQ(tokenizer->encode_rows(text, {}, {})[0].size(), 0u) << text;
  }
  const Encoding row = tokenizer->encode_rows("a a ", {}, {})[0];
  EXPECT_EQ(row.ids, (std::vector<int32_t>{5, 1, 5, 1, 5}));
  const std::vector<TextSpan> places = {{0, 0}, {0, 1}, {1, 2}, {2, 3}, {2, 3}};
  EXPECT_EQ(row.offsets, places);
}

}  // namespace
}  // namespace weft::text
