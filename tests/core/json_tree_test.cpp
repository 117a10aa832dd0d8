// JSON as a tree: positions, duplicate keys, limits, and writing it back.
#include "core/tree/json_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weft/error.h"

namespace weft {
namespace {

std::string message_of(std::string_view text) {
  try {
    parse_json_tree(text, "c.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(JsonTree, KeepsPositionsOfKeysAndValues) {
  const Tree tree =
      parse_json_tree("{\n  \"a\": 12,\n  \"b\": {\"c\": [true, \"x\"]}\n}\n", "c.json");
  ASSERT_TRUE(tree.is_map());
  EXPECT_EQ(tree.at.to_string(), "c.json:1:1");
  EXPECT_EQ(tree.position_of("a").to_string(), "c.json:2:3");
  EXPECT_EQ(tree.find("a")->at.to_string(), "c.json:2:8");
  const Tree* list = tree.find("b")->find("c");
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(list->at.to_string(), "c.json:3:14");
  EXPECT_EQ(list->items[1].at.to_string(), "c.json:3:21");
  EXPECT_TRUE(list->items[1].quoted);
  EXPECT_FALSE(list->items[0].quoted);
}

TEST(JsonTree, KeepsNumbersApartFromTexts) {
  const Tree tree =
      parse_json_tree(R"([1, -2.5, 1e-5, "1", null, 18446744073709551615])", "c.json");
  ASSERT_EQ(tree.items.size(), 6u);
  EXPECT_EQ(tree.items[0].text, "1");
  EXPECT_EQ(tree.items[1].text, "-2.5");
  EXPECT_EQ(tree.items[2].text, "1.0e-05");
  EXPECT_TRUE(tree.items[3].quoted);
  EXPECT_TRUE(tree.items[4].is_null());
  EXPECT_EQ(tree.items[5].text, "18446744073709551615");
}

TEST(JsonTree, RefusesDuplicateKeysNamingBothPlaces) {
  EXPECT_EQ(message_of("{\"a\": 1,\n \"a\": 2}"),
            "c.json:2:2: duplicate key 'a'; first given at c.json:1:2");
}

TEST(JsonTree, RefusesWhatIsNotJson) {
  EXPECT_THAT(message_of("{\"a\": }"), testing::StartsWith("c.json:1:"));
  EXPECT_THAT(message_of("{a: 1}"), testing::StartsWith("c.json:1:2: "));
  EXPECT_THAT(message_of(""), testing::HasSubstr("c.json:1:1: "));
  EXPECT_THAT(message_of(std::string(100, '[') + std::string(100, ']')),
              testing::HasSubstr("deeper than 64 levels"));
}

TEST(JsonTree, WrittenAndReadAgainIsEqual) {
  const std::string text =
      "{\n  \"a\": [\n    1,\n    \"x\\n\\\"\"\n  ],\n  \"b\": {},\n  \"c\": [],\n"
      "  \"d\": null,\n  \"e\": 2.5\n}\n";
  EXPECT_EQ(to_json(parse_json_tree(text, "c.json")), text);
}

}  // namespace
}  // namespace weft
