// Every way in which a safetensors file can lie, and the words in which each is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/temporary_folder.h"
#include "tests/io/io_test_files.h"

namespace weft::io {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Case {
  std::string header;
  size_t data_bytes;
  std::string message;  // part of it
};

// {"t":{"dtype":D,"shape":S,"data_offsets":O}}
std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"t":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

std::string two(const std::string& first, const std::string& second) {
  const auto entry = [](const std::string& offsets) {
    return R"({"dtype":"U8","shape":[4],"data_offsets":)" + offsets + "}";
  };
  return "{\"a\":" + entry(first) + ",\"b\":" + entry(second) + "}";
}

const std::string kHuge = "9223372036854775807";

std::vector<Case> malformed_fields() {
  const std::string f32 = "\"F32\"";
  return {
      {tensor("\"F33\"", "[1]", "[0,4]"), 4, "unknown dtype 'F33' of tensor 't'"},
      {tensor("\"f32\"", "[1]", "[0,4]"), 4, "unknown dtype 'f32'"},
      {tensor("\"\"", "[1]", "[0,4]"), 4, "unknown dtype ''"},
      {tensor("32", "[1]", "[0,4]"), 4, "a number is not allowed here"},
      {tensor("null", "[1]", "[0,4]"), 4, "null is not allowed here"},
      {tensor("[\"F32\"]", "[1]", "[0,4]"), 4, "an array is not allowed here"},
      {tensor(f32, "1", "[0,4]"), 4, "a number is not allowed here"},
      {tensor(f32, "null", "[0,4]"), 4, "null is not allowed here"},
      {tensor(f32, "\"1\"", "[0,4]"), 4, "a string is not allowed here"},
      {tensor(f32, "{\"0\":1}", "[0,4]"), 4, "an object is not allowed here"},
      {tensor(f32, "[[1]]", "[0,4]"), 4, "nested deeper than 3 levels"},
      {tensor(f32, "[1.0]", "[0,4]"), 4, "a number that is no integer is not allowed here"},
      {tensor(f32, "[1e0]", "[0,4]"), 4, "a number that is no integer"},
      {tensor(f32, "[true]", "[0,4]"), 4, "true or false is not allowed here"},
      {tensor(f32, "[-1]", "[0,4]"), 4, "the number -1 is negative"},
      {tensor(f32, "[-1,-1]", "[0,4]"), 4, "is negative"},
      {tensor(f32, "[9223372036854775808]", "[0,4]"), 4, "a number of this size"},
      {tensor(f32, "[99999999999999999999]", "[0,4]"), 4, "a number that is no integer"},
      {tensor(f32, "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "more than 16 sizes"},
      {tensor(f32, "[1]", "[0]"), 4, "data_offsets of tensor 't' needs two numbers"},
      {tensor(f32, "[1]", "[]"), 4, "needs two numbers"},
      {tensor(f32, "[1]", "[0,4,8]"), 4, "more than two numbers"},
      {tensor(f32, "[1]", "[-4,0]"), 4, "the number -4 is negative"},
      {tensor(f32, "[1]", "[0,4.0]"), 4, "a number that is no integer"},
      {tensor(f32, "[1]", "{}"), 4, "an object is not allowed here"},
      {tensor(f32, "[1]", "\"0,4\""), 4, "a string is not allowed here"},
  };
}

std::vector<Case> malformed_layouts() {
  const std::string f32 = "\"F32\"";
  return {
      {tensor(f32, "[1]", "[4,0]"), 4, "begins at byte 4 of the data, after a hole from byte 0"},
      {tensor(f32, "[1]", "[0,0]"), 0, "needs 4 bytes for its shape"},
      {tensor(f32, "[2]", "[0,4]"), 4, "needs 8 bytes for its shape"},
      {tensor(f32, "[1]", "[0,8]"), 8, "needs 4 bytes for its shape"},
      {tensor(f32, "[0]", "[0,4]"), 4, "needs 0 bytes for its shape"},
      {tensor(f32, "[1]", "[0,4]"), 3, "end at byte 4 of the data, the file at byte 3"},
      {tensor(f32, "[1]", "[0,4]"), 5, "end at byte 4 of the data, the file at byte 5"},
      {tensor(f32, "[1]", "[0," + kHuge + "]"), 4, "needs 4 bytes"},
      {tensor(f32, "[1]", "[" + kHuge + "," + kHuge + "]"), 4, "after a hole"},
      {tensor(f32, "[4294967296,4294967296]", "[0,0]"), 0,
       "impossible shape"},  // product wraps to 0
      {tensor(f32, "[" + kHuge + "," + kHuge + "]", "[0,4]"), 4, "impossible shape"},
      {tensor(f32, "[4611686018427387904]", "[0,0]"), 0,
       "impossible shape"},  // wraps with the type
      {tensor(f32, "[" + kHuge + "," + kHuge + ",0]", "[0,0]"), 0, "impossible shape"},
      {tensor("\"F4\"", "[3]", "[0,2]"), 2, "ends inside a byte"},
      {tensor("\"F6_E2M3\"", "[1]", "[0,1]"), 1, "ends inside a byte"},
      {two("[0,4]", "[0,4]"), 4, "tensor 'b' begins at byte 0 of the data, inside another"},
      {two("[0,4]", "[2,6]"), 6, "inside another, which ends at byte 4"},
      {two("[0,4]", "[5,9]"), 9, "after a hole from byte 4"},
      {two("[4,8]", "[8,12]"), 12, "tensor 'a' begins at byte 4"},
      {two("[0,4]", "[4,8]"), 4, "end at byte 8 of the data, the file at byte 4"},
      {"{}", 1, "end at byte 0 of the data, the file at byte 1"},
  };
}

std::vector<Case> malformed_structures() {
  const std::string fields = R"("dtype":"U8","shape":[1],"data_offsets":[0,1])";
  return {
      {R"({"t":{"dtype":"U8","shape":[1]}})", 1, "tensor 't' lacks dtype, shape or data_offsets"},
      {R"({"t":{"shape":[1],"data_offsets":[0,1]}})", 1, "lacks dtype"},
      {R"({"t":{"dtype":"U8","data_offsets":[0,1]}})", 1, "lacks dtype, shape"},
      {R"({"t":{}})", 0, "lacks"},
      {"{\"t\":{" + fields + R"(,"dtype":"U8"}})", 1, "dtype appears twice in tensor 't'"},
      {"{\"t\":{" + fields + R"(,"shape":[1]}})", 1, "shape appears twice"},
      {"{\"t\":{" + fields + R"(,"data_offsets":[0,1]}})", 1, "data_offsets appears twice"},
      {"{\"t\":{" + fields + R"(,"stride":[1]}})", 1, "unknown key 'stride' in tensor 't'"},
      {"{\"t\":{" + fields + "},\"t\":{" + fields + "}}", 1, "two tensors of the name 't'"},
      {"{\"t\":{" + fields + "},\"\\u0074\":{" + fields + "}}", 1, "two tensors of the name 't'"},
      {R"({"t":1})", 0, "a number is not allowed here"},
      {R"({"t":null})", 0, "null is not allowed here"},
      {R"({"t":[]})", 0, "an array is not allowed here"},
      {R"({"t":"x"})", 0, "a string is not allowed here"},
      {R"({"__metadata__":1})", 0, "a number is not allowed here"},
      {R"({"__metadata__":[]})", 0, "an array is not allowed here"},
      {R"({"__metadata__":{"a":1}})", 0, "a number is not allowed here"},
      {R"({"__metadata__":{"a":null}})", 0, "null is not allowed here"},
      {R"({"__metadata__":{"a":{}}})", 0, "an object is not allowed here"},
      {R"({"__metadata__":{"a":"x","a":"y"}})", 0, "the key 'a' appears twice in __metadata__"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "__metadata__ appears twice"},
      {R"({"__metadata__":null,"__metadata__":{}})", 0, "__metadata__ appears twice"},
      {"{\"t\":{" + fields + "}", 1, "syntax error"},
      {"{\"t\":{" + fields + "},}", 1, "syntax error"},
      {"{\"t\":{" + fields + "}} {}", 1, "syntax error"},
      {"{\"t\":{" + fields + "}}" + std::string(1, '\0'), 1, "syntax error"},
      {"{\"t\xff\":{" + fields + "}}", 1, "syntax error"},
      {"{\"t\":{" + fields + ",\"shape\":[[[[[[", 1, "shape appears twice"},
      {"[]", 0, "does not begin with '{'"},
      {" {}", 0, "does not begin with '{'"},
      {"\xEF\xBB\xBF{}", 0, "does not begin with '{'"},
      {"", 0, "does not begin with '{'"},
  };
}

TEST(MalformedSafetensors, IsRefusedInItsOwnWords) {
  std::vector<Case> cases = malformed_fields();
  for (const auto& more : {malformed_layouts(), malformed_structures()})
    cases.insert(cases.end(), more.begin(), more.end());
  ASSERT_GE(cases.size(), 75u);
  for (const Case& wrong : cases) {
    const std::string bytes = safetensors_bytes(wrong.header, wrong.data_bytes);
    const std::string message = error_message([&] { parse(bytes); });
    EXPECT_THAT(message, HasSubstr(wrong.message)) << wrong.header;
    EXPECT_THAT(message, StartsWith("f: ")) << wrong.header;
  }
}

TEST(MalformedSafetensors, TheSoundOnesBesideThemAreRead) {
  EXPECT_EQ(parse(safetensors_bytes(two("[0,4]", "[4,8]"), 8)).entries[1].name, "b");
  EXPECT_EQ(parse(safetensors_bytes(two("[4,8]", "[0,4]"), 8)).entries[0].name, "b");
  EXPECT_EQ(parse(safetensors_bytes(tensor("\"F4\"", "[4]", "[0,2]"), 2)).entries.size(), 1u);
  EXPECT_EQ(parse(safetensors_bytes(tensor("\"F6_E3M2\"", "[4]", "[0,3]"), 3)).entries.size(), 1u);
  EXPECT_EQ(parse(safetensors_bytes(tensor("\"F32\"", "[0]", "[0,0]"), 0)).entries.size(), 1u);
  EXPECT_EQ(parse(safetensors_bytes("{}   \n", 0)).entries.size(), 0u);
}

TEST(MalformedSafetensors, HeaderLengthsThatLie) {
  const auto with_length = [](uint64_t length, const std::string& rest) {
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    return bytes + rest;
  };
  const auto why = [](const std::string& bytes) { return error_message([&] { parse(bytes); }); };
  for (size_t size = 0; size < 8; ++size)
    EXPECT_THAT(why(std::string(size, '\0')), HasSubstr("it is cut short or empty"));
  EXPECT_THAT(why(with_length(3, "{}")), HasSubstr("do not fit the file of 10 bytes"));
  EXPECT_THAT(why(with_length(100'000'000, "{}")), HasSubstr("do not fit the file"));
  EXPECT_THAT(why(with_length(100'000'001, "{}")), HasSubstr("at most 100000000 are allowed"));
  EXPECT_THAT(why(with_length(~uint64_t{0}, "{}")), HasSubstr("at most 100000000 are allowed"));
  EXPECT_THAT(why(with_length(~uint64_t{7}, "{}")), HasSubstr("at most 100000000 are allowed"));
}

TEST(MalformedSafetensors, EveryTruncationIsRefused) {
  const std::string whole = safetensors_bytes(two("[0,4]", "[4,8]"), 8);
  ASSERT_NO_THROW(parse(whole));
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW(parse(whole.substr(0, size)), Error) << size;
}

TEST(MalformedSafetensors, TooMuchMetadataIsRefused) {
  std::string header = "{\"__metadata__\":{";
  for (int i = 0; i <= 10'000; ++i) header += "\"" + std::to_string(i) + "\":\"\",";
  header.back() = '}';
  EXPECT_THAT(error_message([&] { parse(safetensors_bytes(header + "}", 0)); }),
              HasSubstr("more than 10000 entries in __metadata__"));
}

}  // namespace
}  // namespace weft::io
