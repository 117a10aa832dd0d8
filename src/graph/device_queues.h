// The streams of a device that a program's instructions are put on, and what its kernels need
// beside their operands.
#pragma once

#include <span>
#include <vector>

#include "core/cuda/device.h"
#include "graph/op_contract.h"

namespace weft::graph {

class DeviceQueues {
 public:
  static constexpr int64_t kOwnBytes = sizeof(float);  // of the device's memory

  // `device` must outlive it. Throws Error if the device has no memory left.
  DeviceQueues(const device::Device& device, int count);

  int count() const { return static_cast<int>(streams_.size()); }
  device::Stream& stream(int i) { return streams_[static_cast<size_t>(i)]; }
  DeviceCall call(int stream) const;

  // Everything on the other streams comes after what is on the first; and what follows on the first
  // after everything on the others.
  void fork();
  void join();

  // Copies and waits.
  void upload(void* to, std::span<const std::byte> from);
  void download(std::span<std::byte> to, const void* from);

 private:
  std::vector<device::Stream> streams_;
  std::vector<device::Event> ends_;  // by stream
  device::Memory one_;
};

}  // namespace weft::graph
