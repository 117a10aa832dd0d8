// The keyed permutation: a bijection at every size, close to uniform at small ones, and constant
// time at any position.
#include "data/permutation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

namespace weft::data {
namespace {

std::vector<int64_t> order_of(int64_t size, uint64_t key) {
  const Permutation permutation(size, key);
  std::vector<int64_t> order(static_cast<size_t>(size));
  for (int64_t i = 0; i < size; ++i) order[static_cast<size_t>(i)] = permutation(i);
  return order;
}

void expect_bijection(int64_t size, uint64_t key) {
  std::vector<int64_t> order = order_of(size, key);
  std::sort(order.begin(), order.end());
  for (int64_t i = 0; i < size; ++i) ASSERT_EQ(order[static_cast<size_t>(i)], i) << "size " << size;
}

TEST(Permutation, IsABijectionAtEverySizeUpTo300) {
  for (int64_t size = 1; size <= 300; ++size)
    for (const uint64_t key : {0u, 1u, 12345u}) expect_bijection(size, key);
}

TEST(Permutation, IsABijectionAtPrimesAndAroundPowersOfTwo) {
  for (const int64_t size : {509, 997, 1021, 7919, 65537, 104729}) expect_bijection(size, 7);
  for (int64_t power = 512; power <= 1 << 17; power *= 2)
    for (const int64_t size : {power - 1, power, power + 1}) expect_bijection(size, 9);
}

TEST(Permutation, DependsOnTheKeyAndOnlyOnIt) {
  EXPECT_EQ(order_of(1000, 5), order_of(1000, 5));
  EXPECT_NE(order_of(1000, 5), order_of(1000, 6));
  EXPECT_NE(order_of(1000, 5), order_of(1000, uint64_t{5} << 32));
}

// Chi-square of how often each order of `size` numbers appears over many keys.
double chi_square_of_orders(int64_t size, int keys) {
  std::map<std::vector<int64_t>, int> counts;
  for (int key = 0; key < keys; ++key) ++counts[order_of(size, static_cast<uint64_t>(key))];
  double orders = 1;
  for (int64_t i = 2; i <= size; ++i) orders *= static_cast<double>(i);
  const double expected = keys / orders;
  double sum = (orders - static_cast<double>(counts.size())) * expected;  // those never seen
  for (const auto& [order, count] : counts)
    sum += (count - expected) * (count - expected) / expected;
  return sum;
}

TEST(Permutation, ReachesAllSmallOrdersEquallyOften) {
  // Limits: the 99.99 % quantiles of chi-square with n! - 1 degrees of freedom.
  EXPECT_LE(chi_square_of_orders(2, 20000), 15.1);
  EXPECT_LE(chi_square_of_orders(3, 20000), 25.7);
  EXPECT_LE(chi_square_of_orders(4, 20000), 56.6);
  EXPECT_LE(chi_square_of_orders(5, 24000), 185.0);
}

TEST(Permutation, SpreadsEachPositionOverTheWholeRange) {
  constexpr int64_t kSize = 1000;
  constexpr int kBins = 10, kKeys = 5000;
  std::vector<int> bins(kBins);
  for (int key = 0; key < kKeys; ++key)
    ++bins[static_cast<size_t>(Permutation(kSize, static_cast<uint64_t>(key))(17) * kBins / kSize)];
  double sum = 0;
  for (const int count : bins) sum += (count - 500.0) * (count - 500.0) / 500.0;
  EXPECT_LE(sum, 33.7);  // 99.99 % quantile with 9 degrees of freedom
}

TEST(Permutation, JumpsToAnyPositionOfAHugeRange) {
  const Permutation permutation(3'000'000'000'000, 42);
  std::vector<int64_t> seen;
  for (int64_t i = 0; i < 10000; ++i) seen.push_back(permutation(1'000'000'000'000 + i));
  for (const int64_t value : seen) ASSERT_TRUE(value >= 0 && value < permutation.size());
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
  EXPECT_LT(seen.front(), 30'000'000'000);
  EXPECT_GT(seen.back(), 2'970'000'000'000);
}

TEST(Permutation, TakesTheLargestSize) {
  const Permutation permutation(int64_t{1} << 62, 1);
  EXPECT_NE(permutation((int64_t{1} << 62) - 1), permutation(0));
}

}  // namespace
}  // namespace weft::data
