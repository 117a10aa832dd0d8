// The device table over the CUDA runtime: with kernels/cuda the only code that sees it. Compiled
// into libweft_cuda.so alone.
#include <cuda_runtime.h>
#include <nvtx3/nvToolsExt.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/cuda/runtime/vendor_cuda.h"
#include "core/cuda/table.h"

namespace weft::device {
namespace {

// Statuses that callers treat differently have numbers of ours, all others are CUDA's own.
// What a call returns is told: it shall not be found again as the error of a later launch.
Status status_of(cudaError_t error) {
  if (error != cudaSuccess) static_cast<void>(cudaGetLastError());
  switch (error) {
    case cudaSuccess: return kSuccess;
    case cudaErrorMemoryAllocation: return kOutOfMemory;
    case cudaErrorInsufficientDriver: {
      int driver = 0;
      const bool absent = cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0;
      return absent ? kNoDriver : kOldDriver;
    }
    case cudaErrorNoDevice: return kNoDevice;
    case cudaErrorNotReady: return kNotReady;
    case cudaErrorStreamCaptureUnsupported: return kNotCaptured;
    case cudaErrorStreamCaptureUnjoined: return kUnjoined;
    case cudaErrorInvalidValue: return kBadArgument;
    default: return static_cast<Status>(error);
  }
}

cudaError_t error_of(Status status) {
  switch (status) {
    case kOutOfMemory: return cudaErrorMemoryAllocation;
    case kNoDriver:
    case kOldDriver: return cudaErrorInsufficientDriver;
    case kNoDevice: return cudaErrorNoDevice;
    case kNotReady: return cudaErrorNotReady;
    case kNotCaptured: return cudaErrorStreamCaptureUnsupported;
    case kUnjoined: return cudaErrorStreamCaptureUnjoined;
    case kBadArgument: return cudaErrorInvalidValue;
    default: return static_cast<cudaError_t>(status);
  }
}

cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
}
cudaEvent_t event_of(void* event) {
  return static_cast<cudaEvent_t>(event);
}

Status versions(Versions* out) {
  const Status status = status_of(cudaDriverGetVersion(&out->driver));
  if (status != kSuccess) return status;
  return status_of(cudaRuntimeGetVersion(&out->runtime));
}

Status count(int* out) {
  return status_of(cudaGetDeviceCount(out));
}

Status properties(int device, Properties* out) {
  cudaDeviceProp found;
  const Status status = status_of(cudaGetDeviceProperties(&found, device));
  if (status != kSuccess) return status;
  *out = {.major = found.major,
          .minor = found.minor,
          .multiprocessors = found.multiProcessorCount,
          .ecc = found.ECCEnabled,
          .memory_bytes = static_cast<int64_t>(found.totalGlobalMem),
          .shared_bytes = static_cast<int64_t>(found.sharedMemPerBlockOptin),
          .l2_bytes = found.l2CacheSize};
  std::memcpy(out->name, found.name, std::min(sizeof out->name, sizeof found.name) - 1);
  return kSuccess;
}

Status select(int device) {
  return status_of(cudaSetDevice(device));
}

Status memory(int64_t* free, int64_t* total) {
  size_t free_bytes = 0, total_bytes = 0;
  const Status status = status_of(cudaMemGetInfo(&free_bytes, &total_bytes));
  *free = static_cast<int64_t>(free_bytes);
  *total = static_cast<int64_t>(total_bytes);
  return status;
}

Status allocate(void** out, int64_t bytes) {
  return status_of(cudaMalloc(out, static_cast<size_t>(bytes)));
}
Status release(void* pointer) {
  return status_of(cudaFree(pointer));
}
Status allocate_pinned(void** out, int64_t bytes) {
  return status_of(cudaMallocHost(out, static_cast<size_t>(bytes)));
}
Status release_pinned(void* pointer) {
  return status_of(cudaFreeHost(pointer));
}

// The runtime sees from the addresses which side is which.
Status copy(void* to, const void* from, int64_t bytes, void* stream) {
  return status_of(
      cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault, stream_of(stream)));
}
Status fill(void* to, int byte, int64_t bytes, void* stream) {
  return status_of(cudaMemsetAsync(to, byte, static_cast<size_t>(bytes), stream_of(stream)));
}

// Non-blocking: no order with the legacy default stream, which nothing of ours uses.
Status stream_create(void** out) {
  cudaStream_t stream = nullptr;
  const Status status = status_of(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  *out = stream;
  return status;
}
Status stream_destroy(void* stream) {
  return status_of(cudaStreamDestroy(stream_of(stream)));
}
Status stream_synchronize(void* stream) {
  return status_of(cudaStreamSynchronize(stream_of(stream)));
}
Status stream_wait(void* stream, void* event) {
  return status_of(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0));
}

Status event_create(void** out) {
  cudaEvent_t event = nullptr;
  const Status status = status_of(cudaEventCreate(&event));
  *out = event;
  return status;
}
Status event_destroy(void* event) {
  return status_of(cudaEventDestroy(event_of(event)));
}
Status event_record(void* event, void* stream) {
  return status_of(cudaEventRecord(event_of(event), stream_of(stream)));
}
Status event_query(void* event) {
  return status_of(cudaEventQuery(event_of(event)));
}
Status event_synchronize(void* event) {
  return status_of(cudaEventSynchronize(event_of(event)));
}
Status event_milliseconds(float* out, void* from, void* to) {
  return status_of(cudaEventElapsedTime(out, event_of(from), event_of(to)));
}

Status capture_begin(void* stream) {
  return status_of(cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeThreadLocal));
}

Status capture_end(void* stream, void** out) {
  cudaGraph_t graph = nullptr;
  const Status status = status_of(cudaStreamEndCapture(stream_of(stream), &graph));
  if (status != kSuccess) return status;
  cudaGraphExec_t ready = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&ready, graph, 0);
  static_cast<void>(cudaGraphDestroy(graph));
  *out = ready;
  return status_of(error);
}

Status graph_launch(void* graph, void* stream) {
  return status_of(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream_of(stream)));
}
Status graph_destroy(void* graph) {
  return status_of(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)));
}

// NVTX is a header that looks for a profiler when it is first used, and does nothing without one.
Status range_push(const char* name) {
  nvtxRangePushA(name);
  return kSuccess;
}
Status range_pop() {
  nvtxRangePop();
  return kSuccess;
}

Status last_error() {
  return status_of(cudaGetLastError());
}
const char* error_name(Status status) {
  if (status >= kVendorStatus) return vendor_error_name(status);
  if (status == kUnsupported) return "unsupported";
  return cudaGetErrorName(error_of(status));
}
const char* error_text(Status status) {
  if (status >= kVendorStatus) return vendor_error_text(status);
  if (status == kUnsupported) return "the vendor's library does not offer it";
  return cudaGetErrorString(error_of(status));
}

}  // namespace

// Kernels are loaded when the library is first used, and not one by one at their first launches:
// those may be captured, when loading is refused. Whoever sets the variable decides otherwise.
const Api& api_of_this_library() {
  setenv("CUDA_MODULE_LOADING", "EAGER", 0);
  static constexpr Api kApi{.versions = versions,
                            .count = count,
                            .properties = properties,
                            .select = select,
                            .memory = memory,
                            .allocate = allocate,
                            .release = release,
                            .allocate_pinned = allocate_pinned,
                            .release_pinned = release_pinned,
                            .copy = copy,
                            .fill = fill,
                            .stream_create = stream_create,
                            .stream_destroy = stream_destroy,
                            .stream_synchronize = stream_synchronize,
                            .stream_wait = stream_wait,
                            .event_create = event_create,
                            .event_destroy = event_destroy,
                            .event_record = event_record,
                            .event_query = event_query,
                            .event_synchronize = event_synchronize,
                            .event_milliseconds = event_milliseconds,
                            .capture_begin = capture_begin,
                            .capture_end = capture_end,
                            .graph_launch = graph_launch,
                            .graph_destroy = graph_destroy,
                            .range_push = range_push,
                            .range_pop = range_pop,
                            .last_error = last_error,
                            .error_name = error_name,
                            .error_text = error_text};
  return kApi;
}

const char* kind_of_this_library() {
  return "cuda";
}
const char* architectures_of_this_library() {
  return WEFT_CUDA_ARCHITECTURES;
}

}  // namespace weft::device
