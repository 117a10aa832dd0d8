// The limits of the readers of model files as docs/formats.md lists them: each at its value, and
// one beyond.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/strict_json.h"
#include "core/tree/json_tree.h"
#include "io/checkpoint_manifest.h"
#include "io/llama2c.h"
#include "io/tensor_set.h"
#include "tests/core/refusals.h"
#include "tests/io/io_test_files.h"

namespace weft::io {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& bytes) {
  return said_by([&] { parse(bytes); });
}

std::string header_refusal(const std::string& header) {
  return refusal(safetensors_bytes(header, 0));
}

// The file ends behind its header, which is nothing but spaces: within the limit the header is
// looked at, beyond it is not.
TEST(Limits, SafetensorsHeaderBytes) {
  const auto why = [](uint64_t length) {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, sizeof length);
    return refusal(bytes + "{" + std::string(length - 1, ' '));
  };
  EXPECT_THAT(why(100'000'000), HasSubstr("syntax error"));
  EXPECT_THAT(why(100'000'001), HasSubstr("at most 100000000 are allowed"));
}

TEST(Limits, SafetensorsRank) {
  const auto header = [](int64_t rank) {
    return "{\"t\":{\"dtype\":\"U8\",\"shape\":[0" + times(",1", rank - 1) +
           "],\"data_offsets\":[0,0]}}";
  };
  EXPECT_EQ(header_refusal(header(16)), "");
  EXPECT_THAT(header_refusal(header(17)), HasSubstr("more than 16 sizes"));
}

TEST(Limits, SafetensorsMetadata) {
  const auto header = [](int entries, size_t bytes) {
    std::string text = "{\"__metadata__\":{";
    for (int i = 0; i < entries; ++i)
      text += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":\"" + std::string(bytes, 'x') + "\"";
    return text + "}}";
  };
  EXPECT_EQ(header_refusal(header(10'000, 0)), "");
  EXPECT_THAT(header_refusal(header(10'001, 0)), HasSubstr("more than 10000 entries"));
  EXPECT_EQ(header_refusal(header(1, size_t{8} << 20)), "");
  EXPECT_THAT(header_refusal(header(1, (size_t{8} << 20) + 1)),
              HasSubstr("a string of more than 8388608 bytes"));
}

TEST(Limits, SafetensorsTensors) {
  const auto header = [](int tensors) {
    std::string text = "{";
    for (int i = 0; i < tensors; ++i)
      text += (i > 0 ? ",\"" : "\"") + std::to_string(i) +
              R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
    return text + "}";
  };
  EXPECT_EQ(header_refusal(header(100'000)), "");
  EXPECT_THAT(header_refusal(header(100'001)), HasSubstr("more than 100000 tensors"));
}

std::string json_refusal(const std::string& text, const JsonLimits& limits = {}) {
  return said_by([&] { parse_json(text, "f.json", limits); });
}

TEST(Limits, JsonBytes) {
  constexpr int64_t kLimit = int64_t{64} << 20;
  EXPECT_EQ(json_refusal("{}" + times(" ", kLimit - 2)), "");
  EXPECT_THAT(json_refusal("{}" + times(" ", kLimit - 1)), HasSubstr("at most 67108864 are read"));
}

TEST(Limits, JsonDepth) {
  EXPECT_EQ(json_refusal(times("[", 64) + times("]", 64)), "");
  EXPECT_THAT(json_refusal(times("[", 65)), HasSubstr("nested deeper than 64 levels"));
}

TEST(Limits, JsonValues) {  // the list itself is one of them
  EXPECT_EQ(json_refusal("[" + times("1,", 199'998) + "1]"), "");
  EXPECT_THAT(json_refusal("[" + times("1,", 199'999) + "1]"),
              HasSubstr("more than 200000 values"));
}

TEST(Limits, JsonString) {
  constexpr int64_t kLimit = int64_t{4} << 20;
  EXPECT_EQ(json_refusal("[\"" + times("x", kLimit) + "\"]"), "");
  EXPECT_THAT(json_refusal("[\"" + times("x", kLimit + 1) + "\"]"),
              HasSubstr("f.json:1:2: a string of more than 4194304 bytes"));
  EXPECT_EQ(json_refusal("[\"" + times("\\\"", kLimit / 2) + "\"]"), "");
  EXPECT_THAT(json_refusal("{\"" + times("\\\"", kLimit / 2) + "x\":1}"),
              HasSubstr("f.json:1:2: a string"));
  EXPECT_THAT(json_refusal("[\"" + times("x", kLimit + 1)), HasSubstr("f.json:1:2: a string"));
}

std::string tree_refusal(const std::string& text) {
  return said_by([&] { parse_json_tree(text, "f.json"); });
}

TEST(Limits, ModelConfig) {
  EXPECT_EQ(tree_refusal("{}" + times(" ", (1 << 20) - 2)), "");
  EXPECT_THAT(tree_refusal("{}" + times(" ", (1 << 20) - 1)), HasSubstr("at most 1048576"));
  EXPECT_EQ(tree_refusal(times("[", 64) + times("]", 64)), "");
  EXPECT_THAT(tree_refusal(times("[", 65)), HasSubstr("nested deeper than 64 levels"));
  EXPECT_EQ(tree_refusal("[" + times("1,", 19'998) + "1]"), "");
  EXPECT_THAT(tree_refusal("[" + times("1,", 19'999) + "1]"), HasSubstr("more than 20000 values"));
}

TEST(Limits, Manifest) {
  const auto why = [](const std::string& text) {
    return said_by([&] { parse_manifest(text, "f"); });
  };
  EXPECT_THAT(why("{}" + times(" ", kLargestManifest - 2)), HasSubstr("is missing"));
  EXPECT_THAT(why("{}" + times(" ", kLargestManifest - 1)), HasSubstr("at most 16777216"));
  EXPECT_THAT(why("{\"a\":[" + times("1,", 199'997) + "1]}"), HasSubstr("is missing"));
  EXPECT_THAT(why("{\"a\":[" + times("1,", 199'998) + "1]}"), HasSubstr("more than 200000 values"));
  EXPECT_THAT(why("{\"a\":" + times("[", 4)), HasSubstr("nested deeper than 4 levels"));
}

TEST(Limits, NamesOfFilesInManifestsAndIndexes) {
  const auto why = [](const std::string& name) {
    return said_by([&] { check_relative_name(name, "f"); });
  };
  EXPECT_EQ(why(times("x", 255)), "");
  EXPECT_THAT(why(times("x", 256)), HasSubstr("has a part that is too long"));
  EXPECT_EQ(why(times("abc/", 249) + "abcd"), "");  // 1,000 bytes
  EXPECT_THAT(why(times("abc/", 249) + "abcde"), HasSubstr("is too long"));
  for (const std::string& bad :
       {std::string(), std::string("a\0b", 3), std::string("a\nb"), std::string("\x1b[m"),
        std::string("a\x7f"), std::string("a\\b"), std::string("/a"), std::string("a//b"),
        std::string("a/"), std::string("."), std::string(".."), std::string("a/../b"),
        std::string("a/./b")})
    EXPECT_THAT(why(bad), HasSubstr("must stay inside their folder")) << bad;
  EXPECT_EQ(why("..a/b..c/...d"), "");
}

TEST(Limits, Llama2cLayers) {
  const auto why = [](int32_t layers) {
    const std::array<int32_t, 7> numbers = {8, 16, layers, 2, 2, 5, 4};
    return said_by([&] { parse_llama2c(std::as_bytes(std::span(numbers)), "f"); });
  };
  EXPECT_THAT(why(1000), HasSubstr("the sizes in its header need"));
  EXPECT_THAT(why(1001), HasSubstr("1001 layers are more than 1000"));
}

}  // namespace
}  // namespace weft::io
