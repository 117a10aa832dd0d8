#include "core/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "tests/core/temporary_folder.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string refusal(std::string_view text, const JsonLimits& limits = {}) {
  return error_message([&] { parse_json(text, "f.json", limits); });
}

TEST(Quote, MakesHostileTextHarmless) {
  EXPECT_EQ(quote("plain name"), "'plain name'");
  EXPECT_EQ(quote(std::string_view("\x1b[2J\0\xff", 6)), "'\\x1b[2J\\x00\\xff'");
  EXPECT_EQ(quote("abcdef", 3), "'abc'...");
  EXPECT_EQ(quote(""), "''");
}

TEST(StrictJson, BuildsTheSameDocumentAsTheLibrary) {
  for (const std::string_view text :
       {"null", "true", "-1", "18446744073709551615", "1.5e300", "\"\\u00e9\\ud83d\\ude00\"", "[]",
        "{}", R"([1,[2,[3,{"a":[{"b":null},{}]}]],"x"])", R"({"a":{"a":{"a":1}},"b":[[],[[]]]})",
        "  [ 1 , 2 ]\n", "\xEF\xBB\xBF[1]"})
    EXPECT_EQ(parse_json(text, "f"), nlohmann::json::parse(text)) << text;
}

TEST(StrictJson, RefusesDuplicateKeysWithTheirPosition) {
  EXPECT_EQ(refusal("{\n  \"a\": 1,\n  \"b\": {\"a\": 2},\n  \"a\": 3}"),
            "f.json:4:3: the key 'a' appears twice in one object; remove one of them");
  EXPECT_THAT(refusal(R"({"\u0061": 1, "a": 2})"), StartsWith("f.json:1:15: the key 'a'"));
  EXPECT_THAT(refusal(R"({"q\"": 1, "q\"": 2})"), StartsWith("f.json:1:12: the key 'q\"'"));
}

TEST(StrictJson, RefusesWhatIsNoJson) {
  for (const std::string_view text :
       {"",          " ",      "{",           "[1,]",     "{\"a\":1,}",   "[1] 2",      "nul",
        "'a'",       "NaN",    "[Infinity]",  "01",       "1.",           "// c\n1",    "/* c */ 1",
        "{a:1}",     "\"\n\"", "\"\\ud800\"", "\"\xff\"", "\"\xc0\x80\"", "\"unclosed", "[1 2]",
        "{\"a\" 1}", "1e999",  "\xEF\xBB"})
    EXPECT_THAT(refusal(text), StartsWith("f.json:1:")) << text;
  EXPECT_THAT(refusal(std::string_view("\0", 1)), StartsWith("f.json:1:1: syntax error"));
  EXPECT_THAT(refusal(std::string_view("[1]\n\0, 2", 8)), StartsWith("f.json:2:1: syntax error"));
  EXPECT_THAT(refusal("[1,\n 2,\n x]"), StartsWith("f.json:3:2: syntax error"));
}

TEST(StrictJson, MessagesStayShortAndPrintable) {
  EXPECT_LT(refusal("[" + std::string(1000000, '\x01')).size(), 400u);
  EXPECT_LT(refusal("[\"" + std::string(1000000, 'a')).size(), 400u);
  EXPECT_LT(refusal("[1" + std::string(1000000, '0')).size(), 400u);
  for (const char c : refusal("[\"\x1b\x07\xfe")) EXPECT_GE(c, ' ');
}

TEST(StrictJson, KeepsItsLimits) {
  EXPECT_EQ(refusal("[[[]]]", {.depth = 2}), "f.json:1:3: nested deeper than 2 levels");
  EXPECT_NO_THROW(parse_json("[[],[],{}]", "f", {.depth = 2}));
  EXPECT_THAT(refusal("[1,2,3]", {.values = 3}), HasSubstr("more than 3 values"));
  EXPECT_NO_THROW(parse_json("[1,2,3]", "f", {.values = 4}));
  EXPECT_EQ(refusal("[1,2,3]", {.bytes = 6}), "f.json: 7 bytes of JSON; at most 6 are read");
  EXPECT_THAT(refusal(std::string(1000000, '[')), HasSubstr("nested deeper than 64 levels"));
}

TEST(StrictJson, ReadsFiles) {
  const TemporaryFolder folder;
  const Path file = folder.write("c.json", "{\"a\": [1]}");
  EXPECT_EQ(read_json_file(file)["a"][0], 1);
  EXPECT_THAT(error_message([&] { read_json_file(file, {.bytes = 5}); }),
              HasSubstr("it has 10 bytes, at most 5"));
  EXPECT_THAT(error_message([&] { read_json_file(folder / "none"); }), HasSubstr("no such file"));
  EXPECT_THAT(error_message([&] { read_json_file(folder.write("bad.json", "{\"a\": }")); }),
              StartsWith((folder / "bad.json").string() + ":1:7: syntax error"));
}

TEST(StrictJson, EventsThatAHandlerDoesNotExpectAreRefused) {
  struct OnlyArrays : JsonEvents {
    void start_array() override {}
    void end_array() override {}
  } handler;
  EXPECT_NO_THROW(parse_json_events("[[]]", "f", {}, handler));
  for (const std::string_view text : {"[ null]", "[ true]", "[ -1]", "[ 18446744073709551615]",
                                      "[ 1.5]", "[ \"x\"]", "[ {\"a\":1}]"})
    EXPECT_THAT(error_message([&] { parse_json_events(text, "f", {}, handler); }),
                ::testing::AllOf(StartsWith("f:1:3: "), HasSubstr("is not allowed here")));
}

}  // namespace
}  // namespace weft
