// The one block of memory of a set of programs, on the CPU or on a device.
#pragma once

#include <optional>

#include "core/arena.h"
#include "runtime/compute_device.h"

namespace weft::runtime {

class ProgramArena {
 public:
  // Zeroed memory: the host's if `device` is null; otherwise it must outlive this. Throws Error
  // with ExitCode::kDoesNotFit if there is not so much.
  ProgramArena(int64_t bytes, ComputeDevice* device);

  Arena& operator*() { return *arena_; }
  const Arena& operator*() const { return *arena_; }

 private:
  std::optional<device::Memory> memory_;
  std::optional<Arena> arena_;
};

// Throws Error with ExitCode::kDoesNotFit if the device has not so many bytes of memory free now.
void require_free(const device::Device& device, int64_t bytes);

// What runs programs: the device's kernels, or the CPU's if it is null.
graph::Device backend_of(ComputeDevice* device, int threads);

}  // namespace weft::runtime
