// Malformed and unsupported tokenizer.json: every one is refused with what is wrong and where.
#include <gmock/gmock.h>

#include <functional>

#include "small_tokenizer.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

std::string refusal(const std::string& content) {
  try {
    parse_tokenizer_json(content, "small.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

struct Broken {
  std::function<void(Json&)> change;
  const char* says;
};

void expect_refused(const std::vector<Broken>& cases) {
  for (const Broken& broken : cases) {
    Json json = small_tokenizer();
    broken.change(json);
    const std::string message = refusal(json.dump());
    EXPECT_THAT(message, HasSubstr(broken.says)) << json.dump().substr(0, 300);
    EXPECT_THAT(message, testing::StartsWith("small.json")) << broken.says;
  }
}

TEST(TokenizerErrors, Document) {
  EXPECT_EQ(refusal(small_tokenizer().dump()), "accepted");
  EXPECT_THAT(refusal(""), HasSubstr("syntax error"));
  EXPECT_THAT(refusal("[]"), HasSubstr("expected an object, found array"));
  EXPECT_THAT(refusal("{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": ["),
              HasSubstr("syntax error"));
  EXPECT_THAT(refusal(std::string(40, '[') + std::string(40, ']')), HasSubstr("nested deeper"));
  EXPECT_THAT(refusal("{\"a\": 1, \"a\": 2}"), HasSubstr("'a' appears twice"));
  EXPECT_THAT(refusal("{\"model\": {\"vocab\": {}, \"vocab\": {}}}"),
              HasSubstr("'vocab' appears twice"));
  EXPECT_THAT(refusal("{\"model\": {\"merges\": [], \"merges\": []}}"),
              HasSubstr("'merges' appears twice"));
  EXPECT_THAT(refusal("{\"a\": \"\xFF\"}"), HasSubstr("UTF-8"));
  std::string values = "{\"added_tokens\": [";
  for (int i = 0; i < 1100000; ++i) values += "0,";
  EXPECT_THAT(refusal(values + "0]}"), HasSubstr("values outside of model.vocab"));
  expect_refused({{[](Json& j) { j["version"] = "2.0"; }, "version: '2.0' is not known"},
                  {[](Json& j) { j["extra"] = 1; }, "unknown key 'extra'"},
                  {[](Json& j) {
                     j["truncation"] = {{"max_length", 5}};
                   },
                   "truncation.strategy: is missing"},
                  {[](Json& j) {
                     j["truncation"] = {{"max_length", -5}};
                   },
                   "truncation.max_length: expected an integer from 0"},
                  {[](Json& j) {
                     j["padding"] = {{"length", 5}};
                   },
                   "padding.strategy: is missing"},
                  {[](Json& j) {
                     j["padding"] = {{"strategy", "BatchLongest"}, {"direction", "Up"}};
                   },
                   "padding.direction: 'Up' is none of Left, Right"},
                  {[](Json& j) { j.erase("model"); }, "model: is missing"},
                  {[](Json& j) { j["model"] = 5; }, "model: expected an object"}});
}

TEST(TokenizerErrors, Model) {
  expect_refused(
      {{[](Json& j) {
          j["model"]["type"] = "Bigram";
          j["model"].erase("merges");
        },
        "the model 'Bigram' is not known; known: BPE, Unigram"},
       {[](Json& j) { j["model"].erase("vocab"); }, "model.vocab: is missing"},
       {[](Json& j) { j["model"]["vocab"] = Json::array(); },
        "model.vocab: is no object of tokens and ids"},
       {[](Json& j) { j["model"].erase("merges"); }, "model.merges: is missing"},
       {[](Json& j) { j["model"]["type"] = "WordPiece"; },
        "model.merges: does not belong to the model 'WordPiece'"},
       {[](Json& j) { j["model"]["merges"] = Json::object(); },
        "model.merges: is missing, or no list"},
       {[](Json& j) { j["model"]["dropout"] = 1.5; }, "model.dropout: is no number from 0 to 1"},
       {[](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; },
        "does not begin with the continuing_subword_prefix '##'"},
       {[](Json& j) { j["model"]["end_of_word_suffix"] = 1; },
        "end_of_word_suffix: expected a string"},
       {[](Json& j) { j["model"]["unk_token"] = "?"; },
        "model.unk_token: '?' is not in model.vocab"},
       {[](Json& j) { j["model"]["fuse_unk"] = 1; },
        "model.fuse_unk: expected true or false, found number"},
       {[](Json& j) { j["model"]["surprise"] = 1; }, "model: unknown key 'surprise'"}});
}

TEST(TokenizerErrors, ScoredVocabulary) {
  const auto with = [](const char* vocab) {
    return std::string(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": )") + vocab + "}}";
  };
  EXPECT_EQ(refusal(with(R"([["a", -1], ["b", -2.5]])")), "accepted");
  EXPECT_THAT(refusal(with("{}")), HasSubstr("model.vocab: is no list of tokens and their scores"));
  EXPECT_THAT(refusal(with(R"([["a", -1], ["b"]])")), HasSubstr("model.vocab[1] is not a token"));
  EXPECT_THAT(refusal(with(R"([["a", -1], [-1, "b"]])")), HasSubstr("model.vocab[1] is not"));
  EXPECT_THAT(refusal(with(R"([["a", -1, 2]])")), HasSubstr("model.vocab[1] is not a token"));
  EXPECT_THAT(refusal(with(R"([["a", -1], []])")), HasSubstr("model.vocab[1] is not a token"));
  EXPECT_THAT(refusal(with(R"([["a", -1], null])")), HasSubstr("model.vocab[1] is not a token"));
  EXPECT_THAT(refusal(with(R"([["a", -1], ["a", 2]])")), HasSubstr("the token appears twice"));
  EXPECT_THAT(refusal(with("[]")), HasSubstr("model.unk_id: expected an integer from 0 to -1"));
  EXPECT_THAT(refusal(R"({"model": {"type": "WordLevel", "vocab": [["a", 1]]}})"),
              HasSubstr("model.vocab: is no object of tokens and ids"));
}

TEST(TokenizerErrors, CharacterMap) {
  const auto with = [](const std::string& base64) {
    Json json = small_tokenizer();
    json["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", base64}};
    return refusal(json.dump());
  };
  EXPECT_THAT(with("AAA"), HasSubstr("precompiled_charsmap: is no base64: its length"));
  EXPECT_THAT(with("AA!A"), HasSubstr("is no base64: character 2 is '!'"));
  EXPECT_THAT(with("AAA="), HasSubstr("shorter than its header"));
  EXPECT_THAT(with("BAAAAA=="), HasSubstr("trie has 4 bytes, of 0 there are"));
  EXPECT_THAT(with("AAAAAAAA"), HasSubstr("trie has 0 bytes"));
  EXPECT_THAT(with("BAAAAAAAAAD/"), HasSubstr("replacements are not UTF-8"));
  EXPECT_EQ(with("BAAAAAAAAAA="), "accepted");
}

TEST(TokenizerErrors, VocabularyAndMerges) {
  expect_refused(
      {{[](Json& j) { j["model"]["vocab"]["x"] = 11 + 4097; },
        "no token has the id 11 and 4096 others; at most 4096 ids may have none"},
       {[](Json& j) { j["model"]["vocab"]["x"] = 13 + 4096; },
        "ids reach to 4109 but there are at most 13 tokens"},
       {[](Json& j) { j["model"]["vocab"]["x"] = 4000000000; }, "at most 4096 ids may have none"},
       {[](Json& j) { j["model"]["vocab"]["x"] = -1; },
        "model.vocab['x']: the id must be an integer"},
       {[](Json& j) { j["model"]["vocab"]["x"] = 18446744073709551615u; },
        "the id of 'x' is not an integer"},
       {[](Json& j) { j["model"]["vocab"]["x"] = 1.5; }, "the id of 'x' is not an integer"},
       {[](Json& j) { j["model"]["vocab"]["x"] = "1"; }, "the id of 'x' is not an integer"},
       {[](Json& j) { j["model"]["vocab"]["x"] = Json::object(); }, "an id is not an integer"},
       {[](Json& j) { j["model"]["vocab"]["x"] = 3; }, "is also that of"},
       {[](Json& j) { j["model"]["vocab"][""] = 11; }, "a token is empty"},
       {[](Json& j) { j["model"]["vocab"][std::string(5000, 'x')] = 11; },
        "longer than 4096 bytes"},
       {[](Json& j) { j["model"]["merges"].push_back("a e"); },
        "model.merges[4]: 'ae' is not in model.vocab"},
       {[](Json& j) { j["model"]["merges"].push_back("z b"); }, "is not in model.vocab"},
       {[](Json& j) { j["model"]["merges"].push_back("ab"); },
        "model.merges[4] 'ab' is not two tokens"},
       {[](Json& j) { j["model"]["merges"].push_back("a b c"); }, "is not two tokens"},
       {[](Json& j) { j["model"]["merges"].push_back("a b"); }, "the pair 'a', 'b' appears twice"},
       {[](Json& j) { j["model"]["merges"].push_back({"a"}); },
        "model.merges[4] has 1 parts, not 2"},
       {[](Json& j) {
          j["model"]["merges"].push_back({"a", "b", "c"});
        },
        "has more than 2 parts"},
       {[](Json& j) { j["model"]["merges"].push_back(5); }, "expected strings or pairs of strings"},
       {[](Json& j) { j["model"]["merges"].push_back(Json::array({Json::array()})); },
        "expected strings or pairs of strings"}});
  const std::string twice = "{\"model\": {\"vocab\": {\"a\": 0, \"a\": 1}, \"merges\": []}}";
  EXPECT_THAT(refusal(twice), HasSubstr("model.vocab['a']: the token appears twice"));
}

TEST(TokenizerErrors, AddedTokens) {
  const auto add = [](Json token) {
    return [token](Json& j) { j["added_tokens"].push_back(token); };
  };
  Json incomplete = added_token(11, "x");
  incomplete.erase("lstrip");
  Json unknown = added_token(11, "x");
  unknown["color"] = "red";
  expect_refused(
      {{[](Json& j) { j["added_tokens"] = 5; }, "added_tokens: expected a list"},
       {add(5), "added_tokens[1]: expected an object"},
       {add(incomplete), "added_tokens[1].lstrip: is missing"},
       {add(unknown), "added_tokens[1]: unknown key 'color'"},
       {add(added_token(11, "")), "added_tokens[1].content: is empty"},
       {add(added_token(11, std::string(2000, 'x'))), "content: is longer than 1024 bytes"},
       {add(added_token(0, "x")), "added_tokens[1].id: 0 is used twice"},
       {add(added_token(11, "<s>")), "content: '<s>' is there twice"},
       {add(added_token(13 + 4096, "x")), "ids reach to 4109"},
       {add(added_token(-1, "x")), "expected an integer from 0"},
       {add(added_token(5, "x")), "id 5 is also that of 'e'"},
       {add(added_token(11, "ab")), "has id 11 here and 7 in model.vocab"}});
}

TEST(TokenizerErrors, Components) {
  const auto set = [](const char* key, Json value) { return [=](Json& j) { j[key] = value; }; };
  const auto sequence = [](const char* key, std::vector<Json> list) {
    return Json{{"type", "Sequence"}, {key, list}};
  };
  expect_refused(
      {{set("normalizer", {{"type", "Shout"}}),
        "normalizer.type: the normalizer 'Shout' is not known; known: BertNormalizer"},
       {set("normalizer", {{"type", "NFC"}, {"x", 1}}), "normalizer: unknown key 'x'"},
       {set("normalizer", {{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", "x"}}),
        "matches nothing"},
       {set("normalizer", {{"type", "Replace"}, {"pattern", {{"Glob", "*"}}}, {"content", "x"}}),
        "needs \"String\" or \"Regex\""},
       {set("normalizer", {{"type", "Prepend"}, {"prepend", std::string(100, 'x')}}),
        "longer than 64 bytes"},
       {set("normalizer", sequence("normalizers", {nullptr})),
        "normalizer.normalizers[0]: expected an object, found null"},
       {set("pre_tokenizer", {{"type", "Syllables"}}),
        "the pre-tokenizer 'Syllables' is not known"},
       {set("pre_tokenizer", {{"type", "FixedLength"}, {"length", 0}}),
        "pre_tokenizer.length: expected an integer from 1"},
       {set("pre_tokenizer", {{"type", "Split"},
                              {"pattern", {{"Regex", "("}}},
                              {"behavior", "Isolated"},
                              {"invert", false}}),
        "pre_tokenizer.pattern.Regex: the regular expression '(' cannot be used"},
       {set("pre_tokenizer", {{"type", "Split"},
                              {"pattern", {{"String", "x"}}},
                              {"behavior", "Eaten"},
                              {"invert", false}}),
        "pre_tokenizer.behavior: 'Eaten' is none of"},
       {set("pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "xy"}}),
        "must be one character"},
       {set("pre_tokenizer",
            {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "often"}}),
        "none of first, never, always"},
       {set("pre_tokenizer", {{"type", "Metaspace"},
                              {"replacement", "_"},
                              {"prepend_scheme", "first"},
                              {"add_prefix_space", false}}),
        "contradicts prepend_scheme"},
       {set("pre_tokenizer", {{"add_prefix_space", true}}), "pre_tokenizer.type: is missing"},
       {set("decoder", {{"type", "Echo"}}), "decoder.type: the decoder 'Echo' is not known"},
       {set("decoder", {{"type", "Strip"}, {"content", "ab"}, {"start", 1}, {"stop", 0}}),
        "must be one character"},
       {set("decoder", {{"type", "Strip"}, {"content", " "}, {"start", -1}, {"stop", 0}}),
        "expected an integer from 0"},
       {set("post_processor", {{"type", "Custom"}}), "the post-processor 'Custom' is not known"},
       {set("post_processor",
            {{"type", "BertProcessing"}, {"cls", {"<s>", 0}}, {"sep", {"<s>", 99}}}),
        "expected an id below 11"},
       {set("post_processor", {{"type", "TemplateProcessing"}, {"single", Json::array()}}),
        "must have sequence A exactly once"}});
}

TEST(TokenizerErrors, Templates) {
  const auto with_template = [](const char* single, const char* tokens) {
    const Json component = {{"type", "TemplateProcessing"},
                            {"single", Json::parse(single)},
                            {"special_tokens", Json::parse(tokens)}};
    return [=](Json& j) { j["post_processor"] = component; };
  };
  const char* a = R"([{"Sequence": {"id": "A", "type_id": 0}}])";
  expect_refused(
      {{with_template(R"([{"Sequence": {"id": "B", "type_id": 0}}])", "{}"),
        "sequence B in the template for one"},
       {with_template(R"([{"Sequence": {"id": "C", "type_id": 0}}])", "{}"), "must be A or B"},
       {with_template(R"([{"SpecialToken": {"id": "<s>", "type_id": 0}}])", "{}"),
        "'<s>' is not in special_tokens"},
       {with_template(a, R"({"<s>": {"id": "<s>", "ids": [11], "tokens": ["<s>"]}})"),
        "expected an id below 11"},
       {with_template(a, R"({"<s>": {"id": "<s>", "ids": [0, 1], "tokens": ["<s>"]}})"),
        "must be as many as ids"},
       {with_template(a, R"({"<s>": 5})"), "expected an object"}});
}

TEST(TokenizerErrors, TextWithoutTokens) {
  const auto tokenizer = open_json(small_tokenizer());
  const auto message = [&](std::string_view text) -> std::string {
    try {
      tokenizer->encode(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "encoded";
  };
  EXPECT_EQ(message("ab cd"), "encoded");
  EXPECT_THAT(message("abz"), HasSubstr("has no token for the byte 7A and no unknown token"));
  Json json = small_tokenizer();
  json["pre_tokenizer"] = nullptr;
  const auto by_characters = open_json(json);
  EXPECT_THROW(by_characters->encode("ab\u4E2D"), Error);
  try {
    by_characters->encode("ab\u4E2D");
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("has no token for U+4E2D (\u4E2D)"));
  }
}

TEST(TokenizerErrors, IdsOutsideOfTheVocabulary) {
  const auto tokenizer = open_json(small_tokenizer());
  for (const int32_t id : {-1, 11, INT32_MAX}) {
    EXPECT_THROW(tokenizer->decode(std::vector<int32_t>{1, id}), Error);
    EXPECT_THROW(tokenizer->token_text(id), Error);
    EXPECT_THROW(tokenizer->is_special(id), Error);
  }
}

}  // namespace
}  // namespace weft::text
