#include "runtime/program_arena.h"

#include "core/size_text.h"
#include "graph/registry.h"

namespace weft::runtime {

ProgramArena::ProgramArena(int64_t bytes, ComputeDevice* device) {
  if (device == nullptr) {
    arena_.emplace(bytes);
    return;
  }
  require_free(device->device(), bytes);
  memory_.emplace(device->device(), bytes);
  device->queues().stream(0).fill(memory_->data(), 0, bytes);
  arena_.emplace(memory_->data(), bytes);
}

void require_free(const device::Device& device, int64_t bytes) {
  const int64_t free = device.free_bytes();
  if (bytes <= free) return;
  throw Error("the plan needs " + size_text(bytes) + " of device memory, and " + device.describe() +
                  " has " + size_text(free) + " free of " +
                  size_text(device.properties().memory_bytes) +
                  "; end what else uses the device (`nvidia-smi` shows it), or take fewer or "
                  "shorter sequences side by side (for training see `weft plan`)",
              ExitCode::kDoesNotFit);
}

graph::Device backend_of(ComputeDevice* device, int threads) {
  if (device != nullptr) return device->backend(threads);
  return {.kernels = graph::cpu_kernels(), .threads = threads};
}

}  // namespace weft::runtime
