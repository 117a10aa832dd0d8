#include "graph/device_queues.h"

namespace weft::graph {

DeviceQueues::DeviceQueues(const device::Device& device, int count) : one_(device, kOwnBytes) {
  WEFT_ASSERT(count > 0);
  streams_.reserve(static_cast<size_t>(count));
  ends_.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    streams_.emplace_back(device);
    ends_.emplace_back(device);
  }
  const float one = 1.0f;
  upload(one_.data(), std::as_bytes(std::span(&one, 1)));
}

DeviceCall DeviceQueues::call(int stream) const {
  return {.stream = streams_[static_cast<size_t>(stream)].handle(),
          .one = reinterpret_cast<const float*>(one_.data())};
}

void DeviceQueues::fork() {
  if (count() == 1) return;
  streams_[0].record(ends_[0]);
  for (size_t i = 1; i < streams_.size(); ++i) streams_[i].wait(ends_[0]);
}

void DeviceQueues::join() {
  for (size_t i = 1; i < streams_.size(); ++i) {
    streams_[i].record(ends_[i]);
    streams_[0].wait(ends_[i]);
  }
}

void DeviceQueues::upload(void* to, std::span<const std::byte> from) {
  streams_[0].copy(to, from.data(), static_cast<int64_t>(from.size()));
  streams_[0].synchronize();
}

void DeviceQueues::download(std::span<std::byte> to, const void* from) {
  streams_[0].copy(to.data(), from, static_cast<int64_t>(to.size()));
  streams_[0].synchronize();
}

}  // namespace weft::graph
