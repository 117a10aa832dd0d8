#include "io/tensor_to_write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/core/temporary_folder.h"
#include "tests/io/io_test_files.h"

namespace weft::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string written(const TensorToWrite& tensor) {
  MemoryFile out;
  tensor.content(out);
  EXPECT_EQ(static_cast<int64_t>(out.text.size()), tensor.bytes());
  return out.text;
}

// More than two of the pieces in which values are converted, and no multiple of one.
std::vector<float> many_values() {
  std::vector<float> values(150'001);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 2048) / 8;
  return values;
}

TensorView view_of(const std::vector<float>& values, const int64_t& size) {
  return {.name = "t",
          .type = StoredType::kF32,
          .shape = std::span(&size, 1),
          .bytes = std::as_bytes(std::span(values))};
}

TEST(TensorToWrite, FloatsGoToAnyTypeAndBack) {
  const std::vector<float> values = many_values();
  const auto size = static_cast<int64_t>(values.size());
  for (const StoredType type : {StoredType::kF32, StoredType::kF16, StoredType::kBF16}) {
    const std::string bytes = written(floats_to_write("t", {size}, values, type));
    EXPECT_EQ(written(converted(view_of(values, size), type)), bytes);
    const TensorView stored{.name = "t",
                            .type = type,
                            .shape = std::span(&size, 1),
                            .bytes = std::as_bytes(std::span(bytes))};
    const std::string back = written(converted(stored, StoredType::kF32));
    const bool is_exact = type != StoredType::kBF16;  // the values have 11 bits
    EXPECT_EQ(back == text_of(std::as_bytes(std::span(values))), is_exact);
    EXPECT_EQ(written(converted(stored, type)), bytes);
  }
}

TEST(TensorToWrite, RefusesToLoseValues) {
  const std::vector<float> values = {1.0f, 70000.0f, -1e30f};
  EXPECT_THAT(error_message([&] { written(floats_to_write("w", {3}, values, StoredType::kF16)); }),
              AllOf(HasSubstr("tensor 'w' has 2 value(s) too large for F16"),
                    HasSubstr("write BF16 or F32 instead")));
  const int64_t size = 3;
  EXPECT_THROW(written(converted(view_of(values, size), StoredType::kF16)), Error);
  const std::vector<float> infinite = {INFINITY, NAN};
  EXPECT_NO_THROW(written(floats_to_write("w", {2}, infinite, StoredType::kF16)));
}

TEST(TensorToWrite, EmptyTensorsHaveNoBytes) {
  EXPECT_EQ(written(floats_to_write("e", {0, 3}, {}, StoredType::kBF16)), "");
}

}  // namespace
}  // namespace weft::io
