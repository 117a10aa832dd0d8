// What the emulated device's table takes from the emulator of kernels, and gives it: this room may
// not see that one, so the entry function of the library brings them together.
#pragma once

#include <cstddef>
#include <functional>

#include "core/cuda/api.h"

namespace weft::device::emulated {

// The emulator watches every access to the memory that it gives.
struct EmulatorFunctions {
  void* (*allocate)(size_t bytes) = nullptr;
  void (*release)(void* memory) = nullptr;
  void (*set_order)(Order order, uint64_t seed) = nullptr;  // of a kernel's threads and blocks
  int (*compute_capability)() = nullptr;                    // 10 times the major one, and the minor
  size_t (*most_shared_bytes)() = nullptr;                  // of a block
};
void use_emulator(const EmulatorFunctions& functions);

// Work that a kernel's launch makes; part of a capture if the stream captures.
void put_on_stream(void* stream, std::function<void()> work);

}  // namespace weft::device::emulated
