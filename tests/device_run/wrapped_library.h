// The emulated device's library with some of its functions replaced: to count what a program asks
// of a device, to leave something out, or to fail.
#pragma once

#include <functional>

#include "runtime/compute_device.h"
#include "tests/device/emulated_device.h"

namespace weft::test {

// What stands in for the functions of the same names; empty: the emulated device's own.
struct DeviceHooks {
  std::function<device::Status(void* stream, void* event)> stream_wait;
  std::function<device::Status(void* event)> event_synchronize;
  std::function<device::Status(void* graph, void* stream)> graph_launch;
  std::function<device::Status(void** out, int64_t bytes)> allocate_pinned;
  std::function<device::Status(const char* name)> range_push;
  std::function<device::Status()> range_pop;
};
inline DeviceHooks device_hooks;

// One for the process: set device_hooks, and clear them at the end.
inline std::shared_ptr<const device::Library> wrapped_library() {
  static const std::shared_ptr<const device::Library> kReal = emulated_library();
  static device::Api api = kReal->api();
  static device::LibraryTable table = *kReal->table;
  api.stream_wait = [](void* stream, void* event) {
    return device_hooks.stream_wait ? device_hooks.stream_wait(stream, event)
                                    : kReal->api().stream_wait(stream, event);
  };
  api.event_synchronize = [](void* event) {
    return device_hooks.event_synchronize ? device_hooks.event_synchronize(event)
                                          : kReal->api().event_synchronize(event);
  };
  api.graph_launch = [](void* graph, void* stream) {
    return device_hooks.graph_launch ? device_hooks.graph_launch(graph, stream)
                                     : kReal->api().graph_launch(graph, stream);
  };
  api.allocate_pinned = [](void** out, int64_t bytes) {
    return device_hooks.allocate_pinned ? device_hooks.allocate_pinned(out, bytes)
                                        : kReal->api().allocate_pinned(out, bytes);
  };
  api.range_push = [](const char* name) {
    return device_hooks.range_push ? device_hooks.range_push(name) : kReal->api().range_push(name);
  };
  api.range_pop = [] {
    return device_hooks.range_pop ? device_hooks.range_pop() : kReal->api().range_pop();
  };
  table.api = &api;
  return std::make_shared<const device::Library>(device::Library{kReal->path, &table});
}

inline std::unique_ptr<runtime::ComputeDevice> wrapped_device() {
  return std::make_unique<runtime::ComputeDevice>(wrapped_library(), 0);
}

}  // namespace weft::test
