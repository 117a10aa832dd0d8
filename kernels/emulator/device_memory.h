// The memory of the emulated device: every allocation is known by its bounds, is an object of its
// own for AddressSanitizer, and has a shadow that says who touched each two bytes last.
// Process-wide; any thread may allocate and free while no kernel runs that uses the memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/emulator/clocks.h"

namespace weft::emulator {

// Who touched two bytes last. Three readers suffice to find a write that races with any of them,
// unless three threads of different warps read, and the writer waited for exactly these.
struct Granule {
  static constexpr size_t kBytes = 2;
  Stamp write;
  std::array<Stamp, 3> reads;
  uint32_t flight = 0;   // run in which an asynchronous copy has yet to land here, or 0
  uint32_t reading = 0;  // run in which `readers` asynchronous reads have yet to end
  uint16_t readers = 0;
  bool atomic = false;  // the write was atomic
  bool async = false;   // the write was a copy of a box: seen by tensor cores without a fence
};

struct Allocation {
  std::byte* begin = nullptr;
  size_t bytes = 0;
  std::string name;
  Granule* shadow = nullptr;  // zero pages until they are touched

  bool contains(const void* p, size_t n) const {
    const auto* at = static_cast<const std::byte*>(p);
    return at >= begin && n <= bytes && static_cast<size_t>(at - begin) <= bytes - n;
  }
  Granule* granules(const void* p) const {
    return shadow + static_cast<size_t>(static_cast<const std::byte*>(p) - begin) / Granule::kBytes;
  }
};

// All allocations at one moment, by address.
using MemoryMap = std::shared_ptr<const std::vector<Allocation>>;

// 256-byte aligned, as cudaMalloc's, and filled with NaN patterns. `name` is for messages.
void* device_allocate(size_t bytes, const std::string& name);
void device_free(void* memory) noexcept;
MemoryMap device_memory();

// The allocation that holds p, or the one before it; null if there is none.
const Allocation* find_allocation(const std::vector<Allocation>& map, const void* p);

}  // namespace weft::emulator
