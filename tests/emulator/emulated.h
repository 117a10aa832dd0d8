// What the tests of emulated kernels share: arrays on the emulated device, every order of threads,
// and which detector found what.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/emulator/device_memory.h"
#include "kernels/emulator/fault.h"
#include "kernels/emulator/schedule.h"

namespace weft::emulator::testing {

// n elements of device memory; NaN patterns where nothing was given.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(int64_t n, const std::string& name = "array")
      : n_(static_cast<size_t>(n)), data_(static_cast<T*>(device_allocate(n_ * sizeof(T), name))) {}
  DeviceArray(const std::vector<T>& values, const std::string& name = "array")
      : DeviceArray(static_cast<int64_t>(values.size()), name) {
    if (n_ > 0) std::memcpy(data_, values.data(), n_ * sizeof(T));
  }
  ~DeviceArray() { device_free(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return data_; }
  std::span<const T> values() const { return {data_, n_}; }
  // For comparisons bit by bit, where NaN equals itself.
  std::string bits() const { return {reinterpret_cast<const char*>(data_), n_ * sizeof(T)}; }

 private:
  size_t n_;
  T* data_;
};

inline const Schedule kOrders[] = {{Order::kForward, 1, 1},
                                   {Order::kReversed, 1, 1},
                                   {Order::kShuffled, 1, 1},
                                   {Order::kShuffled, 2, 1}};

// run() launches kernels and returns the bits of what they wrote, the same in every order.
template <class Run>
void expect_same_bits_in_every_order(Run run) {
  std::optional<std::string> expected;
  for (const Schedule& schedule : kOrders) {
    const ScopedSchedule scope(schedule);
    const std::string bits = run();
    if (!expected) expected = bits;
    EXPECT_TRUE(bits == *expected) << "order " << static_cast<int>(schedule.order);
  }
}

// Blocks on several OS threads: for ThreadSanitizer.
template <class Run>
void expect_same_bits_on_workers(Run run) {
  const std::string expected = run();
  const ScopedSchedule scope({Order::kShuffled, 3, 3});
  EXPECT_TRUE(run() == expected);
}

// The detector that ends launch(), and what it says; nothing if no detector does.
struct Finding {
  std::string detector, message;
};
template <class Launch>
Finding finding_of(Launch launch) {
  try {
    launch();
  } catch (const Fault& fault) {
    return {name_of(fault.detector()), fault.what()};
  }
  return {};
}

// A planted bug is found in every order, by one of the named detectors; and the kernel without it
// raises none.
template <class Launch>
void expect_found(const std::string& detector, Launch launch) {
  for (const Schedule& schedule : kOrders) {
    const ScopedSchedule scope(schedule);
    const Finding found = finding_of(launch);
    EXPECT_EQ(found.detector, detector)
        << "order " << static_cast<int>(schedule.order) << ": " << found.message;
  }
}

}  // namespace weft::emulator::testing
