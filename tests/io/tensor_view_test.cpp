#include "io/tensor_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "tests/core/temporary_folder.h"

namespace weft::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
TensorView view_of(StoredType type, const std::vector<T>& values, const int64_t& size) {
  return {.name = "t",
          .type = type,
          .shape = std::span(&size, 1),
          .bytes = std::as_bytes(std::span(values))};
}

template <class T>
std::vector<float> floats(StoredType type, const std::vector<T>& values) {
  std::vector<float> out(values.size());
  read_floats(view_of(type, values, static_cast<int64_t>(values.size())), out);
  return out;
}

template <class T>
std::vector<int64_t> integers(StoredType type, const std::vector<T>& values) {
  std::vector<int64_t> out(values.size());
  read_integers(view_of(type, values, static_cast<int64_t>(values.size())), out);
  return out;
}

// The value of a half by its definition (IEEE 754, binary16).
double half_by_definition(uint16_t half) {
  const int exponent = (half >> 10) & 31, mantissa = half & 1023;
  double value =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  if (exponent == 31) value = mantissa == 0 ? INFINITY : NAN;
  return (half & 0x8000) != 0 ? -value : value;
}

TEST(TensorView, EveryHalfHasItsValueAndComesBack) {
  std::vector<uint16_t> halves(65536);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  const std::vector<float> values = floats(StoredType::kF16, halves);
  std::vector<uint16_t> back(halves.size());
  EXPECT_EQ(store_floats(values, StoredType::kF16, std::as_writable_bytes(std::span(back))), 0);
  for (size_t i = 0; i < halves.size(); ++i) {
    const double expected = half_by_definition(halves[i]);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(values[i]) && (back[i] & 0x7fff) > 0x7c00) << i;
    } else {
      EXPECT_EQ(std::bit_cast<uint32_t>(values[i]),
                std::bit_cast<uint32_t>(static_cast<float>(expected)));
      EXPECT_EQ(back[i], halves[i]);
    }
  }
}

uint16_t to_half(float value) {
  uint16_t half = 0;
  const int64_t overflowed = store_floats(std::span(&value, 1), StoredType::kF16,
                                          std::as_writable_bytes(std::span(&half, 1)));
  EXPECT_EQ(overflowed, std::isfinite(value) && (half & 0x7fff) == 0x7c00 ? 1 : 0);
  return half;
}

TEST(TensorView, HalvesRoundToNearestEven) {
  // Between every two neighbouring finite halves: the middle goes to the even one, and a float just
  // beside the middle to its own side.
  for (uint16_t half = 0; half < 0x7bff; ++half) {
    const auto low = static_cast<float>(half_by_definition(half));
    const auto high = static_cast<float>(half_by_definition(static_cast<uint16_t>(half + 1)));
    const float middle = (low + high) / 2;
    const uint16_t even = half % 2 == 0 ? half : static_cast<uint16_t>(half + 1);
    ASSERT_EQ(to_half(middle), even) << half;
    ASSERT_EQ(to_half(std::nextafter(middle, 0.0f)), half) << half;
    ASSERT_EQ(to_half(std::nextafter(middle, 1e9f)), half + 1) << half;
    ASSERT_EQ(to_half(-middle), even | 0x8000) << half;
  }
  EXPECT_EQ(to_half(65519.996f), 0x7bff);
  EXPECT_EQ(to_half(65520.0f), 0x7c00);
  EXPECT_EQ(to_half(-1e30f), 0xfc00);
  EXPECT_EQ(to_half(INFINITY), 0x7c00);
  EXPECT_EQ(to_half(1e-30f), 0);
  EXPECT_EQ(to_half(-1e-45f), 0x8000);
}

TEST(TensorView, ReadsTheOtherFloats) {
  EXPECT_THAT(floats<float>(StoredType::kF32, {1.5f, -0.0f, 1e-45f}),
              ElementsAre(1.5f, 0.0f, 1e-45f));
  EXPECT_THAT(floats<uint16_t>(StoredType::kBF16, {0x3fc0, 0xff80, 0x0001}),
              ElementsAre(1.5f, -INFINITY, std::bit_cast<float>(0x10000u)));
  EXPECT_THAT(floats<double>(StoredType::kF64, {0.1, 1e300}), ElementsAre(0.1f, INFINITY));
  for (const size_t size : {0u, 1u, 63u, 64u, 65u, 200u})
    EXPECT_EQ(floats(StoredType::kF32, std::vector<float>(size, 2.5f)),
              std::vector<float>(size, 2.5f));
}

TEST(TensorView, ReadsUnalignedBytes) {
  std::vector<std::byte> bytes(1 + 70 * 4);
  for (size_t i = 0; i < 70; ++i) {
    const auto value = static_cast<float>(i);
    std::memcpy(bytes.data() + 1 + 4 * i, &value, 4);
  }
  const int64_t size = 70;
  std::vector<float> out(70);
  read_floats({.name = "t",
               .type = StoredType::kF32,
               .shape = std::span(&size, 1),
               .bytes = std::span(bytes).subspan(1)},
              out);
  for (size_t i = 0; i < 70; ++i) EXPECT_EQ(out[i], static_cast<float>(i));
}

TEST(TensorView, ReadsIntegersOfEveryWidth) {
  EXPECT_THAT(integers<uint8_t>(StoredType::kBool, {0, 1, 7}), ElementsAre(0, 1, 1));
  EXPECT_THAT(integers<uint8_t>(StoredType::kU8, {0, 255}), ElementsAre(0, 255));
  EXPECT_THAT(integers<int8_t>(StoredType::kI8, {-128, 127}), ElementsAre(-128, 127));
  EXPECT_THAT(integers<int16_t>(StoredType::kI16, {-100}), ElementsAre(-100));
  EXPECT_THAT(integers<uint16_t>(StoredType::kU16, {65535}), ElementsAre(65535));
  EXPECT_THAT(integers<int32_t>(StoredType::kI32, {-100}), ElementsAre(-100));
  EXPECT_THAT(integers<uint32_t>(StoredType::kU32, {4294967295u}), ElementsAre(4294967295));
  EXPECT_THAT(integers<int64_t>(StoredType::kI64, {INT64_MIN}), ElementsAre(INT64_MIN));
}

TEST(TensorView, SaysWhichTypesItCannotConvert) {
  EXPECT_THAT(error_message([] { floats<uint8_t>(StoredType::kF8E4M3, {1}); }),
              AllOf(HasSubstr("tensor 't' F8_E4M3[1] cannot be read as numbers"),
                    HasSubstr("must be one of F32, F16, BF16, F64")));
  EXPECT_THAT(error_message([] { integers<float>(StoredType::kF32, {1.0f}); }),
              HasSubstr("cannot be read as integers"));
  const int64_t size = 1;
  EXPECT_THAT(error_message([&] { view_of<int8_t>(StoredType::kI8, {1}, size).tensor_type(); }),
              HasSubstr("a tensor to compute with"));
  const std::vector<int64_t> rank_6(6, 1);
  const TensorView deep{.name = "deep", .type = StoredType::kU8, .shape = rank_6, .bytes = {}};
  EXPECT_THAT(error_message([&] { deep.tensor_type(); }),
              HasSubstr("tensor 'deep' U8[1, 1, 1, 1, 1, 1]: a shape has at most 5 axes, got 6"));
}

TEST(TensorView, StoresBfloatsAndCountsThoseThatOverflow) {
  const std::vector<float> values = {1.0f, 3.4e38f, -3.4e38f, INFINITY, NAN};
  std::vector<uint16_t> out(5);
  EXPECT_EQ(store_floats(values, StoredType::kBF16, std::as_writable_bytes(std::span(out))), 2);
  EXPECT_EQ(out[0], 0x3f80);
  EXPECT_EQ(out[1], 0x7f80);
  EXPECT_GT(out[4] & 0x7fff, 0x7f80);
  std::vector<float> same(5);
  EXPECT_EQ(store_floats(values, StoredType::kF32, std::as_writable_bytes(std::span(same))), 0);
  EXPECT_EQ(same[1], 3.4e38f);
}

TEST(StoredType, NamesAndDTypesAreOneToOne) {
  std::set<std::string_view> names;
  for (int i = 0; i < kStoredTypes; ++i) {
    const auto type = static_cast<StoredType>(i);
    names.insert(name_of(type));
    EXPECT_EQ(stored_type_named(name_of(type)), type);
    if (const auto dtype = dtype_in_memory(type)) {
      EXPECT_EQ(stored_type_of(*dtype), type);
      EXPECT_EQ(size_of(*dtype) * 8, bits_of(type));
    }
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(kStoredTypes));
  EXPECT_FALSE(stored_type_named("F128"));
  EXPECT_EQ(stored_type_of(DType::kU8), StoredType::kU8);
}

}  // namespace
}  // namespace weft::io
