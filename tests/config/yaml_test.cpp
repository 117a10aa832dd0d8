// The strict YAML engine: what it keeps, what it refuses, its limits, and writing it back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "config/yaml_reader.h"
#include "config/yaml_writer.h"
#include "config_test_files.h"
#include "core/tree/tree.h"

namespace weft::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Tree parse(std::string_view text) {
  return parse_yaml(text, "x.yaml");
}
std::string yaml_error(std::string_view text) {
  return error_of([&] { parse(text); });
}

TEST(Yaml, KeepsTextQuotesAndPositions) {
  const Tree tree = parse("a: 010\nb: \"no\"\nc: 2e-5\nd:\n  e: [x, 'y']\n");
  EXPECT_EQ(tree.find("a")->text, "010");
  EXPECT_FALSE(tree.find("a")->quoted);
  EXPECT_EQ(tree.find("b")->text, "no");
  EXPECT_TRUE(tree.find("b")->quoted);
  EXPECT_EQ(tree.find("c")->text, "2e-5");
  const Tree* list = tree.find("d")->find("e");
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->at.to_string(), "x.yaml:5:6");
  EXPECT_EQ(list->items[1].at.to_string(), "x.yaml:5:10");
  EXPECT_TRUE(list->items[1].quoted);
  EXPECT_EQ(tree.find("d")->position_of("e").to_string(), "x.yaml:5:3");
}

TEST(Yaml, TellsWrittenNullsFromEmptyValues) {
  const Tree tree = parse("a: null\nb: ~\nc:\nd: \"null\"\ne: NULL\nnullable: 1\n");
  for (const char* key : {"a", "b", "e"}) {
    EXPECT_TRUE(tree.find(key)->is_null()) << key;
    EXPECT_NE(tree.find(key)->text, "") << key;
  }
  EXPECT_TRUE(tree.find("c")->is_null());
  EXPECT_EQ(tree.find("c")->text, "");
  EXPECT_EQ(tree.find("c")->at.to_string(), "x.yaml:3:1");
  EXPECT_TRUE(tree.find("d")->is_scalar());
  EXPECT_EQ(parse("a:\nnullable: 1\n").find("a")->text, "");
}

TEST(Yaml, ReadsBlockTextsFlowsAndWindowsLineEnds) {
  EXPECT_EQ(parse("a: |\n  x\n  y\n").find("a")->text, "x\ny\n");
  EXPECT_EQ(parse("a: >-\n  x\n  y\n").find("a")->text, "x y");
  const Tree tree = parse(
      "\xef\xbb\xbf"
      "a: 1\r\nb: {c: [1, 2],\r\n    d: x}\r\n");
  EXPECT_EQ(tree.find("a")->text, "1");
  EXPECT_EQ(tree.find("b")->find("d")->at.to_string(), "x.yaml:3:8");
  EXPECT_EQ(parse("a: 章\n").find("a")->text, "章");
  EXPECT_TRUE(parse("").is_null());
  EXPECT_TRUE(parse("%YAML 1.2\n---\na: 1\n...\n").is_map());
}

TEST(Yaml, ReadsQuotes) {
  const Tree tree = parse("a: 'it''s'\nb: \"\\\"x\\\"\"\nc: \"two\n  lines\"\n'd e': ''\n");
  EXPECT_EQ(tree.find("a")->text, "it's");
  EXPECT_EQ(tree.find("b")->text, "\"x\"");
  EXPECT_EQ(tree.find("c")->text, "two lines");
  EXPECT_EQ(tree.find("d e")->text, "");
}

TEST(Yaml, AliasesAreCopiesAtTheirOwnPlace) {
  const Tree tree = parse("a: &x {b: 1}\nc: *x\n");
  EXPECT_EQ(tree.find("c")->find("b")->text, "1");
  EXPECT_EQ(tree.find("c")->at.to_string(), "x.yaml:2:4");
}

struct Refused {
  const char* name;
  const char* text;
  const char* message;
};

class RefusedYaml : public testing::TestWithParam<Refused> {};

TEST_P(RefusedYaml, SaysWhereAndWhy) {
  EXPECT_EQ(yaml_error(GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, RefusedYaml,
    testing::Values(
        Refused{"DuplicateKey", "a: 1\nb: 2\na: 3\n",
                "x.yaml:3:1: duplicate key 'a'; first given at x.yaml:1:1; remove one of them"},
        Refused{"DuplicateInFlow", "m: {a: 1, \"a\": 2}\n",
                "x.yaml:1:11: duplicate key 'a'; first given at x.yaml:1:5; remove one of them"},
        Refused{"Tab", "a:\n\tb: 1\n", "x.yaml:2:1: tab in the indentation; indent with spaces"},
        Refused{"TabAfterSpaces", "a:\n  \tb: 1\n",
                "x.yaml:2:3: tab in the indentation; indent with spaces"},
        Refused{"Latin1", "a: caf\xe9\n", "x.yaml:1:7: not UTF-8; save the file as UTF-8 text"},
        Refused{"Utf16",
                "\xff\xfe"
                "a",
                "x.yaml:1:1: not UTF-8; save the file as UTF-8 text"},
        Refused{"Overlong", "a: \xc0\xaf\n", "x.yaml:1:4: not UTF-8; save the file as UTF-8 text"},
        Refused{"Surrogate", "a: \xed\xa0\x80\n",
                "x.yaml:1:4: not UTF-8; save the file as UTF-8 text"},
        Refused{"Truncated", "a: \xe7\xab", "x.yaml:1:4: not UTF-8; save the file as UTF-8 text"},
        Refused{"Escape", "a: \x1b[31m\n", "x.yaml:1:4: control character U+001B; remove it"},
        Refused{"Delete", "a: \x7f\n", "x.yaml:1:4: control character U+007F; remove it"},
        Refused{"Tag", "a: !!int 5\n",
                "x.yaml:1:4: the tag 'tag:yaml.org,2002:int' is not read; remove it"},
        Refused{
            "MergeKey", "a: &x {b: 1}\nc:\n  <<: *x\n",
            "x.yaml:3:3: merge keys ('<<') are not read; write the keys, or put them into a file "
            "and name it with extends:"},
        Refused{"SecondDocument", "a: 1\n---\nb: 2\n",
                "x.yaml:2:1: a second document; a config is one YAML document"},
        Refused{"AliasInItself", "a: &x [*x]\n",
                "x.yaml:1:8: the alias stands inside its own anchor"},
        Refused{"UnknownAlias", "a: *x\n",
                "x.yaml:1:4: not valid YAML: the referenced anchor is not defined"},
        Refused{"ListAsKey", "? [a]\n: b\n", "x.yaml:1:3: a key must be text, not a list or map"},
        Refused{"NullAsKey", "~: 1\n", "x.yaml:1:1: a key is missing before the colon"},
        Refused{"AliasAsKey", "a: &x b\n*x : 1\n",
                "x.yaml:2:1: an alias cannot be a key; write the key"},
        Refused{"Indentation", "a:\n  b: 1\n c: 2\n",
                "x.yaml:3:2: not valid YAML: end of map not found; is a line indented differently "
                "from its neighbours, or a colon missing?"},
        Refused{"OpenBracket", "a: [1, 2\nb: 3\n",
                "x.yaml:2:2: not valid YAML: end of sequence flow not found; is a bracket or comma "
                "missing?"},
        Refused{"OpenQuoteBehindAnchor", "a: &x \"b\n", "x.yaml:1:4: the quote is never closed"},
        Refused{"OpenQuoteOnALine", "a: 'it''s\nb: 1\n", "x.yaml:1:4: the quote is never closed"},
        Refused{"OpenQuote", "a: \"b\n", "x.yaml:1:4: the quote is never closed"},
        Refused{
            "TwoColons", "a: b: c\n",
            "x.yaml:1:5: not valid YAML: illegal map value; is a line indented differently from "
            "its neighbours, or a colon missing?"}),
    [](const auto& test) { return test.param.name; });

TEST(Yaml, RefusesWhatIsTooLargeAtOnce) {
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(yaml_error(std::string(10 << 20, 'a')),
            "x.yaml: 10485760 bytes; a config has at most 262144");
  EXPECT_EQ(yaml_error(std::string((256 << 10) + 1, '\n')),
            "x.yaml: 262145 bytes; a config has at most 262144");
  EXPECT_EQ(yaml_error(std::string(256 << 10, '\n')), "no error");
  EXPECT_NE(yaml_error(std::string(256 << 10, '[')), "no error");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  EXPECT_LE(took.count(), 5.0);
}

std::string nested(int levels, const char* open, const char* close) {
  std::string text = "a: ";
  for (int i = 0; i < levels; ++i) text += open;
  for (int i = 0; i < levels; ++i) text += close;
  return text;
}

TEST(Yaml, RefusesDepthBeyondItsLimit) {
  EXPECT_EQ(yaml_error(nested(63, "[", "]")), "no error");
  EXPECT_EQ(yaml_error(nested(64, "[", "]")), "x.yaml:1:67: nested deeper than 64 levels");
  EXPECT_THAT(yaml_error(nested(1000, "[", "]")), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(yaml_error(nested(1000, "{a: ", "}")), HasSubstr("nested deeper than 64 levels"));
  std::string dashes;
  for (int i = 0; i < 1000; ++i) dashes += "- ";
  EXPECT_THAT(yaml_error(dashes), HasSubstr("nested deeper than 64 levels"));
}

TEST(Yaml, RefusesMoreValuesThanItsLimit) {
  std::string list = "a: [";
  for (int i = 0; i < 19990; ++i) list += "1,";
  EXPECT_EQ(yaml_error(list + "1]"), "no error");
  for (int i = 0; i < 20; ++i) list += "1,";
  EXPECT_THAT(yaml_error(list + "1]"), HasSubstr("more than 20000 values"));
}

TEST(Yaml, RefusesBillionLaughs) {
  std::string text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
    for (int j = 1; j < 10; ++j) text += ", " + below;
    text += "]\n";
  }
  EXPECT_THAT(yaml_error(text),
              HasSubstr("more than 20000 values, aliases counted as often as they are used"));
}

TEST(Yaml, NestedAnchorsAreCountedToo) {
  std::string text = "a: ", list = "[";
  for (int i = 0; i < 60; ++i) text += "&x" + std::to_string(i) + " [";
  for (int i = 0; i < 1000; ++i) list += "1,";
  EXPECT_THAT(yaml_error(text + list + "1]" + std::string(60, ']')),
              HasSubstr("more than 20000 values"));
}

TEST(YamlWriter, WhatIsWrittenIsReadBackEqual) {
  const char* text =
      "a: 1\nb: \"1\"\nc: \"no\"\nd: \"\"\ne: null\nf: [1, x, \"a b\"]\ng: []\nh: {}\n"
      "i:\n  j: 2.5\n  k:\n    - path: p\n      weight: 1.0\n    - path: q\n"
      "l: \"a\\nb \\\"c\\\" \\\\ \\u0007 \\u0085 \\u009b\"\nm: \"章: #\"\n\"no\": 1\n"
      "n:\n  - [1, 2]\n  -\n    - o: 1\n";
  const std::string once = to_yaml(parse(text));
  EXPECT_EQ(to_yaml(parse(once)), once);
  EXPECT_EQ(parse(once).find("l")->text, parse(text).find("l")->text);
  EXPECT_THAT(once, HasSubstr("b: \"1\"\nc: \"no\"\nd: \"\"\ne: null\nf: [1, x, \"a b\"]\n"));
  EXPECT_THAT(once, HasSubstr("  k:\n    - path: p\n      weight: 1.0\n    - path: q\n"));
  EXPECT_THAT(once, HasSubstr("\\u0007 \\u0085 \\u009b"));
}

}  // namespace
}  // namespace weft::config
