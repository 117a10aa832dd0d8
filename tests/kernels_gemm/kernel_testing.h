// What the tests of matrix products and attention share: several threads without the program's
// pool, random values of either element type, memory with sentinels around it. No reference values.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include "tests/reference/numbers.h"
#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels::testing {

// Workers that live for one call and take tiles in whatever order they come.
class ThreadsFor final : public ParallelFor {
 public:
  explicit ThreadsFor(int threads) : threads_(threads) {}
  int threads() const override { return threads_; }

 protected:
  void run(int64_t tiles, Body body, void* context) const override {
    std::atomic<int64_t> next{0};
    std::vector<std::thread> workers;
    for (int worker = 0; worker < threads_; ++worker) {
      workers.emplace_back([&, worker] {
        for (int64_t tile = next++; tile < tiles; tile = next++) body(context, tile, worker);
      });
    }
    for (std::thread& worker : workers) worker.join();
  }

 private:
  int threads_;
};

// One thread is the calling one, as in most tests.
class SerialOrThreads {
 public:
  explicit SerialOrThreads(int threads) : threads_(threads) {}
  const ParallelFor& get() const {
    if (threads_.threads() == 1) return serial_;
    return threads_;
  }

 private:
  SerialFor serial_;
  ThreadsFor threads_;
};

inline constexpr size_t kGuardBytes = 256;
inline constexpr unsigned char kSentinel = 0xA5;

// `count` elements aligned to 64 bytes, filled with sentinels like the guards on both sides. The
// elements of a fresh buffer are therefore garbage: what a kernel must write before it reads.
template <class T>
class Guarded {
 public:
  explicit Guarded(size_t count)
      : count_(count), total_((count * sizeof(T) + 2 * kGuardBytes + 63) / 64 * 64) {
    memory_ = static_cast<unsigned char*>(std::aligned_alloc(64, total_));
    if (memory_ == nullptr) throw std::bad_alloc();
    std::memset(memory_, kSentinel, total_);
  }
  ~Guarded() { std::free(memory_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  T* data() { return reinterpret_cast<T*>(memory_ + kGuardBytes); }
  T& operator[](size_t i) { return data()[i]; }
  size_t size() const { return count_; }
  std::vector<T> copy() { return {data(), data() + count_}; }
  bool guards_intact() const {
    const size_t end = kGuardBytes + count_ * sizeof(T);
    for (size_t i = 0; i < total_; ++i) {
      const bool guard = i < kGuardBytes || i >= end;
      if (guard && memory_[i] != kSentinel) return false;
    }
    return true;
  }
  // Whether element `i` still holds the sentinel.
  bool untouched(size_t i) const {
    for (size_t byte = 0; byte < sizeof(T); ++byte) {
      if (memory_[kGuardBytes + i * sizeof(T) + byte] != kSentinel) return false;
    }
    return true;
  }

 private:
  size_t count_, total_;
  unsigned char* memory_;
};

template <class T>
std::vector<T> random_values(size_t count, uint64_t key, double scale = 1.0) {
  std::vector<T> values(count);
  random_normal(values, key, scale);
  return values;
}

template <class T>
double as_double(T value) {
  return static_cast<double>(static_cast<float>(value));
}

// Half a unit in the last place, relative: the error of one rounding to T.
template <class T>
constexpr double unit_roundoff() {
  return std::is_same_v<T, float> ? 0x1p-24 : 0x1p-8;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

}  // namespace weft::kernels::testing
