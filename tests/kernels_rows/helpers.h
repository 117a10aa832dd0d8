// What the tests of the row kernels share: a ParallelFor over std::thread, guarded buffers, random
// inputs, comparison with a float64 reference, and running under every instruction set.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "kernels/simd/targets.h"
#include "tests/reference/numbers.h"
#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels::testing {

// Hands tiles to `threads` threads in order of arrival.
class ThreadFor final : public ParallelFor {
 public:
  explicit ThreadFor(int threads) : threads_(threads) {}
  int threads() const override { return threads_; }

 protected:
  void run(int64_t tiles, Body body, void* context) const override {
    std::atomic<int64_t> next = 0;
    std::vector<std::thread> workers;
    for (int w = 0; w < threads_; ++w) {
      workers.emplace_back([&, w] {
        for (int64_t t = next++; t < tiles; t = next++) body(context, t, w);
      });
    }
    for (std::thread& worker : workers) worker.join();
  }

 private:
  int threads_;
};

// Runs tiles on the calling thread, last first: finds sums that depend on the order of tiles.
class ReversedFor final : public ParallelFor {
 public:
  int threads() const override { return 1; }

 protected:
  void run(int64_t tiles, Body body, void* context) const override {
    for (int64_t tile = tiles - 1; tile >= 0; --tile) body(context, tile, 0);
  }
};

template <class T>
double as_double(T value) {
  if constexpr (std::is_same_v<T, BFloat16>) return static_cast<double>(static_cast<float>(value));
  else return static_cast<double>(value);
}

// n elements between two fences; filled with a pattern that is NaN as float and as bfloat16, so
// that elements never written fail comparisons.
template <class T>
class Guarded {
 public:
  explicit Guarded(int64_t n) : n_(static_cast<size_t>(n)), bytes_(n_ * sizeof(T) + 2 * kFence) {
    std::memset(bytes_.data(), 0xff, bytes_.size());
  }
  Guarded(const std::vector<T>& values) : Guarded(static_cast<int64_t>(values.size())) {
    if (n_ > 0) std::memcpy(bytes_.data() + kFence, values.data(), n_ * sizeof(T));
  }
  T* data() { return reinterpret_cast<T*>(bytes_.data() + kFence); }
  std::span<const T> values() { return {data(), n_}; }
  T operator[](int64_t i) { return data()[i]; }
  bool intact() const {
    for (size_t i = 0; i < kFence; ++i) {
      if (bytes_[i] != 0xff || bytes_[bytes_.size() - 1 - i] != 0xff) return false;
    }
    return true;
  }
  bool operator==(const Guarded& other) const { return bytes_ == other.bytes_; }

 private:
  static constexpr size_t kFence = 256;
  size_t n_;
  std::vector<uint8_t> bytes_;
};

// Values in [-range, range), the same for the same seed.
template <class T>
std::vector<T> random_values(int64_t n, uint64_t seed, float range = 2.0f) {
  std::vector<T> values(static_cast<size_t>(n));
  random_uniform(values, seed, range);
  return values;
}

// Error allowed relative to the size of the reference: rounding of the result to T, and of a float
// sum of `terms` terms (errors of rounding add like a random walk).
template <class T>
double tolerance(int64_t terms = 1) {
  const double storage = std::is_same_v<T, BFloat16> ? 0x1p-8 : 0x1p-22;
  return storage + 0x1p-22 * (2.0 + std::sqrt(static_cast<double>(terms)));
}

// Errors are relative to the largest value expected, or to `terms` where the values come out of
// larger terms that cancel.
template <class T>
void expect_close(std::span<const T> actual, const std::vector<double>& expected, double allowed,
                  const std::string& what, double terms = 1e-3) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  double size = terms;
  for (const double e : expected) size = std::max(size, std::abs(e));
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(as_double(actual[i]) - expected[i]);
    ASSERT_LE(error, allowed * size)
        << what << "[" << i << "] is " << as_double(actual[i]) << ", should be " << expected[i];
  }
}

// body() under every instruction set that this machine has.
template <class Body>
void for_each_simd_target(Body body) {
  for (const std::string& target : simd_targets()) {
    SCOPED_TRACE(target);
    choose_simd_target(target);
    body();
  }
  choose_simd_target("");
}

// run(parallel) returns a struct of outputs that has ==; it must give the same bits whoever runs
// the tiles.
template <class Run>
void expect_same_bits_for_all_threads(Run run) {
  const auto expected = run(SerialFor());
  EXPECT_TRUE(run(ReversedFor()) == expected) << "reversed tiles";
  for (const int threads : {2, 3, 7}) {
    EXPECT_TRUE(run(ThreadFor(threads)) == expected) << threads << " threads";
  }
}

inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

using ElementTypes = ::testing::Types<float, BFloat16>;

}  // namespace weft::kernels::testing
