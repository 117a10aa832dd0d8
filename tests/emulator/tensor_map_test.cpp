// What a tensor must be like for the copy engine: each rule by itself, and what is said of it.
#include "kernels/cuda/tensor_map.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "weft/error.h"

namespace weft::cuda {
namespace {

alignas(16) const char kMemory[64] = {};

TensorMapSpec matrix() {
  return {.data = kMemory,
          .rank = 2,
          .element_bytes = 2,
          .size = {100, 7, 1, 1},
          .stride = {0, 208, 0, 0},
          .box = {64, 128, 1, 1},
          .swizzle = Swizzle::k128};
}

std::string refusal(const TensorMapSpec& spec) {
  try {
    make_tensor_map(spec);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(TensorMap, TakesWhatTheCopyEngineTakes) {
  EXPECT_TRUE(tensor_map_fits(matrix()));
  EXPECT_EQ(refusal(matrix()), "");
  EXPECT_EQ(matrix().box_bytes(), 64u * 128u * 2u);
  TensorMapSpec four = matrix();
  four.rank = 4;
  four.size = {100, 7, 3, 2};
  four.stride = {0, 208, 16, 48};
  EXPECT_TRUE(tensor_map_fits(four));
  TensorMapSpec narrow = matrix();
  narrow.box[0] = 32;
  narrow.swizzle = Swizzle::k64;
  EXPECT_TRUE(tensor_map_fits(narrow));
}

TEST(TensorMap, SaysWhichRuleIsBroken) {
  struct Rule {
    std::function<void(TensorMapSpec&)> breaks;
    const char* says;
  };
  const Rule rules[] = {
      {[](TensorMapSpec& s) { s.rank = 5; }, "one to four dimensions"},
      {[](TensorMapSpec& s) { s.element_bytes = 8; }, "elements of two or four bytes"},
      {[](TensorMapSpec& s) { s.data = kMemory + 2; }, "data at a multiple of 16 bytes"},
      {[](TensorMapSpec& s) { s.data = nullptr; }, "data at a multiple of 16 bytes"},
      {[](TensorMapSpec& s) { s.size[1] = 0; }, "sizes of 1 to 2^32"},
      {[](TensorMapSpec& s) { s.box[1] = 257; }, "boxes of 1 to 256"},
      {[](TensorMapSpec& s) { s.stride[1] = 200; }, "strides that are multiples of 16 bytes"},
      {[](TensorMapSpec& s) { s.stride[1] = int64_t{1} << 40; }, "below 2^40"},
      {[](TensorMapSpec& s) { s.box[0] = 4; }, "rows of a box that are multiples of 16 bytes"},
      {[](TensorMapSpec& s) { s.box[0] = 32; }, "rows of a box as wide as the swizzle"}};
  for (const Rule& rule : rules) {
    TensorMapSpec spec = matrix();
    rule.breaks(spec);
    EXPECT_FALSE(tensor_map_fits(spec)) << rule.says;
    EXPECT_NE(refusal(spec).find(rule.says), std::string::npos) << refusal(spec);
  }
}

}  // namespace
}  // namespace weft::cuda
