// What a device library offers: one table of functions without a type of CUDA's in it. A device is
// either a GPU, through the CUDA runtime (libweft_cuda.so), or its emulation on the host
// (libweft_emulated.so); both are loaded when they are asked for, so that one installation runs on
// machines with and without a GPU. Not for callers: they use core/cuda/device.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::device {

inline constexpr uint32_t kApiVersion = 4;  // of the structs in this file
inline constexpr char kEntryName[] = "weft_device_library";

// What a function returns: 0 for success, else a number that error_name() and error_text() explain.
// The few that callers treat differently are the same for every library.
using Status = int;
inline constexpr Status kSuccess = 0;
inline constexpr Status kOutOfMemory = -1;
inline constexpr Status kNoDriver = -2;     // no driver is installed
inline constexpr Status kOldDriver = -3;    // it cannot run what this library was built with
inline constexpr Status kNoDevice = -4;     // a driver, and no device that it shows
inline constexpr Status kNotReady = -5;     // event_query: not reached yet
inline constexpr Status kNotCaptured = -6;  // not allowed while work is captured
inline constexpr Status kUnjoined = -7;     // a captured stream was not joined to the first
inline constexpr Status kBadArgument = -8;

struct Versions {
  int driver = 0;   // newest CUDA that the driver knows: 1000 major + 10 minor; 0: no driver
  int runtime = 0;  // CUDA that the library was built with
};

struct Properties {
  char name[256] = {};
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  int ecc = 0;
  int64_t memory_bytes = 0;
  int64_t shared_bytes = 0;  // of a block, at most
  int64_t l2_bytes = 0;
};

// Of the work that may run next, the emulated device takes that of the oldest stream, of the
// newest, or any by a seed. Nothing runs before the host waits for it: what the host does too early
// shows.
enum class Order : int { kForward, kReversed, kShuffled };

// Streams, events and graphs are opaque. Copies and fills are asynchronous; they and launches keep
// the order of their stream. Between capture_begin and capture_end nothing runs: what is put on the
// stream, and on streams that wait for its events, becomes a graph; allocation and waiting on the
// host are refused meanwhile.
struct Api {
  Status (*versions)(Versions* out);
  Status (*count)(int* out);
  Status (*properties)(int device, Properties* out);
  Status (*select)(int device);  // for the calling thread
  Status (*memory)(int64_t* free, int64_t* total);

  Status (*allocate)(void** out, int64_t bytes);
  Status (*release)(void* memory);
  Status (*allocate_pinned)(void** out, int64_t bytes);
  Status (*release_pinned)(void* memory);
  Status (*copy)(void* to, const void* from, int64_t bytes, void* stream);
  Status (*fill)(void* to, int byte, int64_t bytes, void* stream);

  Status (*stream_create)(void** out);
  Status (*stream_destroy)(void* stream);
  Status (*stream_synchronize)(void* stream);
  Status (*stream_wait)(void* stream, void* event);
  Status (*event_create)(void** out);
  Status (*event_destroy)(void* event);
  Status (*event_record)(void* event, void* stream);
  Status (*event_query)(void* event);
  Status (*event_synchronize)(void* event);
  Status (*event_milliseconds)(float* out, void* from, void* to);

  Status (*capture_begin)(void* stream);
  Status (*capture_end)(void* stream, void** graph);
  Status (*graph_launch)(void* graph, void* stream);
  Status (*graph_destroy)(void* graph);

  // Named stretches of the host's time, for profilers (NVTX); they nest, by thread.
  Status (*range_push)(const char* name);
  Status (*range_pop)();

  // Emulated devices alone, null elsewhere: in which of the legal orders work of several streams
  // runs from now on.
  Status (*set_order)(Order order, uint64_t seed);

  Status (*last_error)();  // of launches since the last call
  const char* (*error_name)(Status status);
  const char* (*error_text)(Status status);
};

// A kernel's launcher: `args` points to the struct that kernels/<family>/X.h declares for it.
struct Launcher {
  const char* name;
  size_t args_bytes;
  void (*launch)(const void* args, void* stream);
};

struct VendorApi;  // core/cuda/vendor.h

// What the entry function returns. A library of another build is refused.
struct LibraryTable {
  uint32_t api_version;
  const char* weft_version;
  const char* kind;           // "cuda" or "emulated"
  const char* architectures;  // for which kernels were built: "sm_80 sm_90a ptx", or "host"
  const Api* api;
  const VendorApi* vendor;
  const Launcher* launchers;
  size_t launcher_count;
};
using Entry = const LibraryTable* (*)();

}  // namespace weft::device
