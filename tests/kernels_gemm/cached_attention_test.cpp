// Attention over caches against the naive computation in double: lengths around a task's keys, few
// and many queries, ranges, both element types, and equal bits for every number of threads.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernel_testing.h"
#include "kernels/attention/attention.h"
#include "tests/reference/naive_attention.h"

namespace weft::kernels {
namespace {

using testing::Guarded;
using testing::NaiveAttention;
using testing::random_values;
using testing::SerialOrThreads;

struct Case {
  AttentionShape shape;
  std::vector<int32_t> range;
};

template <class T>
struct Operands {
  AttentionShape s;
  std::vector<T> q, k, v;

  explicit Operands(const AttentionShape& shape) : s(shape) {
    q = random_values<T>(static_cast<size_t>(s.B * s.T * s.H * s.D), 1);
    k = random_values<T>(static_cast<size_t>(s.B * s.S * s.K * s.D), 2);
    v = random_values<T>(static_cast<size_t>(s.B * s.S * s.K * s.D), 3);
  }
  std::vector<T> run(const std::vector<int32_t>& range, int threads) const {
    AttentionForward<T> a{.shape = s, .mask = {.range_BT2 = range.data()}, .scale = 0.25f};
    const int64_t row = s.H * s.D, key_row = s.K * s.D;
    Guarded<T> out(q.size());
    a.q = {q.data(), s.T * row, row};
    a.k = {k.data(), s.S * key_row, key_row};
    a.v = {v.data(), s.S * key_row, key_row};
    a.out = {out.data(), s.T * row, row};
    Guarded<unsigned char> scratch(cached_attention_workspace(s, threads));
    cached_attention(a, scratch.data(), SerialOrThreads(threads).get());
    EXPECT_TRUE(out.guards_intact() && scratch.guards_intact());
    return out.copy();
  }
};

template <class T>
std::vector<double> doubles(const std::vector<T>& values) {
  std::vector<double> result;
  result.reserve(values.size());
  for (const T value : values) result.push_back(testing::as_double(value));
  return result;
}

template <class T>
void check(const Case& c) {
  const Operands<T> operands(c.shape);
  NaiveAttention naive{.s = c.shape, .mask = {.range_BT2 = c.range.data()}, .scale = 0.25};
  naive.q = doubles(operands.q);
  naive.k = doubles(operands.k);
  naive.v = doubles(operands.v);
  naive.run();
  const std::vector<T> out = operands.run(c.range, 1);
  double largest = 0;
  for (const double e : naive.out) largest = std::fmax(largest, std::abs(e));
  const double terms = static_cast<double>(c.shape.D + c.shape.S);
  const double bound =
      largest * (16 * 0x1p-24 * std::sqrt(terms) + 2 * testing::unit_roundoff<T>()) + 1e-30;
  for (size_t i = 0; i < out.size(); ++i) {
    EXPECT_LE(std::abs(testing::as_double(out[i]) - naive.out[i]), bound) << i;
  }
  EXPECT_TRUE(testing::same_bits(out, operands.run(c.range, 2)));
  EXPECT_TRUE(testing::same_bits(out, operands.run(c.range, 3)));
}

// Query t of sample b sees the keys up to `length` - T + t, but not the first b.
std::vector<int32_t> up_to(const AttentionShape& s, int64_t length) {
  std::vector<int32_t> range;
  for (int64_t b = 0; b < s.B; ++b) {
    for (int64_t t = 0; t < s.T; ++t) {
      range.push_back(static_cast<int32_t>(b));
      range.push_back(static_cast<int32_t>(length - s.T + t + 1));
    }
  }
  return range;
}

void check_types(const AttentionShape& shape, int64_t length) {
  check<float>({shape, up_to(shape, length)});
  check<BFloat16>({shape, up_to(shape, length)});
}

TEST(CachedAttention, OneQuery) {
  check_types({.B = 1, .T = 1, .S = 1, .H = 1, .K = 1, .D = 1}, 1);
  for (const int64_t length : {1, 2, 255, 256, 257, 600}) {
    check_types({.B = 2, .T = 1, .S = 600, .H = 3, .K = 3, .D = 20}, length);
  }
}

TEST(CachedAttention, GroupsOfHeads) {
  for (const int64_t heads : {2, 4, 8, 10}) {
    check_types({.B = 2, .T = 1, .S = 300, .H = heads, .K = 1, .D = 64}, 290);
    check_types({.B = 1, .T = 1, .S = 300, .H = heads, .K = 2, .D = 16}, 300);
  }
}

// Up to eight rows are few; from nine on the blocked forward pass takes over.
TEST(CachedAttention, SeveralQueries) {
  for (const int64_t queries : {2, 7, 8, 9, 40}) {
    check_types({.B = 2, .T = queries, .S = 520, .H = 2, .K = 2, .D = 16}, 300);
  }
}

TEST(CachedAttention, QueriesThatSeeNothing) {
  const AttentionShape shape{.B = 2, .T = 2, .S = 300, .H = 1, .K = 1, .D = 8};
  check<float>({shape, {0, 0, 5, 300, 299, 300, 7, 3}});
}

// What lies beyond the range may be anything: a cache is not cleared.
TEST(CachedAttention, NeverReadsBeyondTheRange) {
  for (const int64_t queries : {1, 30}) {
    Operands<float> operands({.B = 1, .T = queries, .S = 300, .H = 1, .K = 1, .D = 8});
    const std::vector<int32_t> range = up_to(operands.s, 100);
    const std::vector<float> before = operands.run(range, 1);
    for (size_t i = 100 * 8; i < 300 * 8; ++i) operands.k[i] = operands.v[i] = std::nanf("");
    EXPECT_TRUE(testing::same_bits(before, operands.run(range, 1))) << queries;
  }
}

}  // namespace
}  // namespace weft::kernels
