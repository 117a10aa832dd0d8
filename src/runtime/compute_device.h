// The device that programs run on, opened for use: its library's kernels, its memory and its
// streams. The CPU needs none of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/cuda/find.h"
#include "graph/program.h"

namespace weft::runtime {

// A device as a config or an option names it, and what that means on this machine.
struct DeviceChoice {
  device::Kind kind = device::Kind::kCpu;
  int index = 0;       // of the library's devices
  std::string reason;  // why this one, in words for a user

  bool on_gpu() const { return kind != device::Kind::kCpu; }
};

// What `asked` (auto, cpu, cuda, or gpu, which is cuda) means here. Throws Error with the exact
// reason if a device that was asked for by name cannot be used. Starts nothing on it.
DeviceChoice choose_device(std::string_view asked);
// The same for plans, which need no device: auto is what this machine has.
bool plans_for_gpu(std::string_view asked);

class ComputeDevice {
 public:
  // Loads the library of `choice`, whose kernels are in use from now on. Throws Error if it cannot
  // be used.
  explicit ComputeDevice(const DeviceChoice& choice);
  // Device `index` of a library that is loaded already.
  ComputeDevice(std::shared_ptr<const device::Library> library, int index);

  const device::Device& device() const { return device_; }
  graph::DeviceQueues& queues() { return queues_; }
  // For programs.
  graph::Device backend(int threads);
  // Bytes of device memory that it takes for itself.
  static constexpr int64_t kOwnBytes = graph::DeviceQueues::kOwnBytes;

 private:
  device::Device device_;
  graph::DeviceQueues queues_;
};

// The device of `choice`; null for the CPU.
std::unique_ptr<ComputeDevice> open_device(const DeviceChoice& choice);

}  // namespace weft::runtime
