#include "core/cuda/device.h"

#include "core/size_text.h"
#include "weft/error.h"

namespace weft::device {
namespace {

using Create = Status (*Api::*)(void** out);
using Destroy = Status (*Api::*)(void* handle);

internal::Handle make(const Device& device, Create create, Destroy destroy, const char* call) {
  void* handle = nullptr;
  device.check((device.api().*create)(&handle), call);
  return {handle, internal::Release{&device.api(), destroy}};
}

internal::Handle take(const Device& device, int64_t bytes,
                      Status (*allocate)(void** out, int64_t bytes), Destroy release) {
  void* handle = nullptr;
  const std::string call = "allocate " + size_text(bytes);
  device.check(allocate(&handle, bytes), call.c_str());
  return {handle, internal::Release{&device.api(), release}};
}

}  // namespace

Device::Device(std::shared_ptr<const Library> library, int index)
    : library_(std::move(library)), index_(index), properties_{} {
  check(api().properties(index, &properties_), "read the properties");
  check(api().select(index), "select the device");
}

std::string Device::describe() const {
  return std::string(library_->table->kind) + ":" + std::to_string(index_) + " (" +
         properties_.name + ")";
}

int64_t Device::free_bytes() const {
  int64_t free = 0, total = 0;
  check(api().memory(&free, &total), "ask for free memory");
  return free;
}

void Device::check(Status status, const char* call) const {
  if (status == kSuccess) return;
  const std::string what = describe() + ": " + call + " failed: " + api().error_name(status) +
                           ", " + api().error_text(status);
  if (status == kOutOfMemory)
    throw Error(what +
                    "; another process may hold memory of the device (`nvidia-smi` shows it); "
                    "fewer or shorter "
                    "sequences side by side take less (for training see `weft plan`)",
                ExitCode::kDoesNotFit);
  throw Error(what + "; the step was not applied and the last checkpoint stands", ExitCode::kHang);
}

Memory::Memory(const Device& device, int64_t bytes)
    : handle_(take(device, bytes, device.api().allocate, &Api::release)), bytes_(bytes) {}

PinnedMemory::PinnedMemory(const Device& device, int64_t bytes)
    : handle_(take(device, bytes, device.api().allocate_pinned, &Api::release_pinned)),
      bytes_(bytes) {}

Event::Event(const Device& device)
    : device_(device),
      handle_(make(device, &Api::event_create, &Api::event_destroy, "create an event")) {}

bool Event::reached() const {
  const Status status = device_.api().event_query(handle());
  if (status == kNotReady) return false;
  device_.check(status, "query an event");
  return true;
}

void Event::wait() const {
  device_.check(device_.api().event_synchronize(handle()), "wait for an event");
}

double Event::seconds_since(const Event& earlier) const {
  float milliseconds = 0;
  device_.check(device_.api().event_milliseconds(&milliseconds, earlier.handle(), handle()),
                "read the time between events");
  return static_cast<double>(milliseconds) / 1e3;
}

CapturedGraph::CapturedGraph(const Device& device, void* handle)
    : handle_(handle, internal::Release{&device.api(), &Api::graph_destroy}) {}

Stream::Stream(const Device& device)
    : device_(device),
      handle_(make(device, &Api::stream_create, &Api::stream_destroy, "create a stream")) {}

void Stream::copy(void* to, const void* from, int64_t bytes) {
  if (bytes > 0) device_.check(device_.api().copy(to, from, bytes, handle()), "copy");
}

void Stream::fill(void* to, int byte, int64_t bytes) {
  if (bytes > 0) device_.check(device_.api().fill(to, byte, bytes, handle()), "fill");
}

void Stream::record(const Event& event) {
  device_.check(device_.api().event_record(event.handle(), handle()), "record an event");
}

void Stream::wait(const Event& event) {
  device_.check(device_.api().stream_wait(handle(), event.handle()), "wait on a stream");
}

void Stream::synchronize() {
  device_.check(device_.api().stream_synchronize(handle()), "wait for a stream");
}

void Stream::begin_capture() {
  device_.check(device_.api().capture_begin(handle()), "begin a capture");
}

CapturedGraph Stream::end_capture() {
  void* graph = nullptr;
  device_.check(device_.api().capture_end(handle(), &graph), "end a capture");
  return {device_, graph};
}

void Stream::launch(const CapturedGraph& graph) {
  device_.check(device_.api().graph_launch(graph.handle(), handle()), "launch a graph");
}

}  // namespace weft::device
