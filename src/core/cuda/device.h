// A device and what lives on it: memory, pinned host memory, streams, events, captured graphs. Each
// is released by its owner's end; every call is checked. A failed call throws Error with the call,
// the device and the reason: ExitCode::kDoesNotFit where memory is lacking, else ExitCode::kHang
// (the device is lost to this process; the last checkpoint stands).
//
// One thread at a time uses a device, as with a CUDA context that one thread drives.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/cuda/library.h"

namespace weft::device {

class Device {
 public:
  // Device `index` of `library`. Throws Error if there is none.
  Device(std::shared_ptr<const Library> library, int index);

  const Api& api() const { return library_->api(); }
  const Library& library() const { return *library_; }
  const Properties& properties() const { return properties_; }
  std::string describe() const;  // "cuda:0 (NVIDIA H200)"
  int64_t free_bytes() const;

  // A named stretch of the host's time for profilers, until it ends.
  class Range {
   public:
    Range(const Device& device, const char* name) : api_(device.api()) { api_.range_push(name); }
    ~Range() { api_.range_pop(); }
    Range(const Range&) = delete;
    Range& operator=(const Range&) = delete;

   private:
    const Api& api_;
  };

  // Throws Error unless `status` is success. `call` is what was called, for the message.
  void check(Status status, const char* call) const;

 private:
  std::shared_ptr<const Library> library_;
  int index_;
  Properties properties_;
};

namespace internal {

// Gives a handle back by the function of the table that belongs to it.
struct Release {
  const Api* api;
  Status (*Api::*function)(void*);
  void operator()(void* handle) const { static_cast<void>((api->*function)(handle)); }
};
using Handle = std::unique_ptr<void, Release>;

}  // namespace internal

// Device memory, aligned to at least 256 bytes. Its contents are undefined until written.
class Memory {
 public:
  Memory(const Device& device, int64_t bytes);
  std::byte* data() const { return static_cast<std::byte*>(handle_.get()); }
  int64_t bytes() const { return bytes_; }

 private:
  internal::Handle handle_;
  int64_t bytes_;
};

// Host memory that a device copies from and to while the host goes on.
class PinnedMemory {
 public:
  PinnedMemory(const Device& device, int64_t bytes);
  std::byte* data() const { return static_cast<std::byte*>(handle_.get()); }
  int64_t bytes() const { return bytes_; }

 private:
  internal::Handle handle_;
  int64_t bytes_;
};

class Event {
 public:
  explicit Event(const Device& device);
  void* handle() const { return handle_.get(); }
  bool reached() const;  // what was on the stream when the event was recorded is done
  void wait() const;     // blocks the host
  // From `earlier`, which its stream reached before, to this event; both must have been reached.
  double seconds_since(const Event& earlier) const;

 private:
  const Device& device_;
  internal::Handle handle_;
};

// A captured graph, ready to be replayed.
class CapturedGraph {
 public:
  CapturedGraph(const Device& device, void* handle);
  void* handle() const { return handle_.get(); }

 private:
  internal::Handle handle_;
};

class Stream {
 public:
  explicit Stream(const Device& device);
  const Device& device() const { return device_; }
  void* handle() const { return handle_.get(); }

  void copy(void* to, const void* from, int64_t bytes);
  void fill(void* to, int byte, int64_t bytes);
  void record(const Event& event);
  void wait(const Event& event);  // what follows on this stream starts after it; the host goes on
  void synchronize();             // blocks the host

  // Puts what `body` puts on this stream, and on streams that wait for events of it and that it
  // waits for in the end, into a graph instead of running it. `body` must neither allocate nor
  // wait.
  template <class Body>
  CapturedGraph capture(const Body& body) {
    begin_capture();
    body();
    return end_capture();
  }
  void launch(const CapturedGraph& graph);

 private:
  void begin_capture();
  CapturedGraph end_capture();

  const Device& device_;
  internal::Handle handle_;
};

}  // namespace weft::device
