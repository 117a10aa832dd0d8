// The emulated device for a test, or a GPU where a test asks for one.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "core/cuda/device.h"
#include "weft/error.h"

namespace weft::test {

// The emulated device; with WEFT_TEST_DEVICE=cuda a GPU, where orders of work are its own.
inline std::shared_ptr<const device::Library> library_under_test() {
  const char* kind = std::getenv("WEFT_TEST_DEVICE");
  static const device::LoadedLibrary kLoaded =
      device::load_library(kind == nullptr ? "emulated" : kind);
  if (kLoaded.library == nullptr) throw Error(kLoaded.why_not);
  return kLoaded.library;
}

inline std::shared_ptr<const device::Library> emulated_library() {
  static const device::LoadedLibrary kLoaded = device::load_library("emulated");
  if (kLoaded.library == nullptr) throw Error(kLoaded.why_not);
  return kLoaded.library;
}

// An order in which work of several streams may run; prints as "shuffled 3".
struct DeviceOrder {
  device::Order order = device::Order::kForward;
  uint64_t seed = 0;
};

inline constexpr DeviceOrder kDeviceOrders[] = {
    {device::Order::kForward},     {device::Order::kReversed},    {device::Order::kShuffled, 1},
    {device::Order::kShuffled, 2}, {device::Order::kShuffled, 3}, {device::Order::kShuffled, 4}};

inline void set_order(const device::Device& device, const DeviceOrder& order) {
  if (device.api().set_order == nullptr) return;
  device.check(device.api().set_order(order.order, order.seed), "set the order");
}

}  // namespace weft::test
