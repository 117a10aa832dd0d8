// The emulated device's table: memory of the host, streams of emulated/streams.h. Compiled into
// libweft_emulated.so alone.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "core/cuda/emulated/faults.h"
#include "core/cuda/emulated/memory.h"
#include "core/cuda/emulated/streams.h"
#include "core/cuda/table.h"
#include "weft/error.h"

namespace weft::device {
namespace {

using emulated::Body;
using emulated::Event;
using emulated::faults;
using emulated::Graph;
using emulated::Scheduler;
using emulated::Stream;

constexpr int64_t kMemory = int64_t{4} << 30;
constexpr int64_t kLeft = 64 << 10;  // where another process takes the rest
constexpr int kVersion = 13000, kOldVersion = 12040;

Scheduler& scheduler() {
  static Scheduler the_scheduler;
  return the_scheduler;
}

emulated::EmulatorFunctions& emulator() {
  static emulated::EmulatorFunctions the_functions;
  return the_functions;
}

// What is allocated, so that the device can be full, and unknown addresses are refused.
std::map<void*, int64_t>& allocations() {
  static std::map<void*, int64_t> the_allocations;
  return the_allocations;
}

int64_t used_bytes() {
  int64_t sum = 0;
  for (const auto& [pointer, bytes] : allocations()) sum += bytes;
  return sum;
}

// Handles are addresses of shared pointers, so that work in flight keeps what was destroyed.
std::shared_ptr<Event>& event_of(void* event) {
  return *static_cast<std::shared_ptr<Event>*>(event);
}
Stream& stream_of(void* stream) {
  return *static_cast<Stream*>(stream);
}

Body body_of(std::function<void()> function) {
  return std::make_shared<const std::function<void()>>(std::move(function));
}

int64_t memory_bytes() {
  return faults().is("memory") ? faults().number() : kMemory;
}

Status versions(Versions* out) {
  *out = {.driver = kVersion, .runtime = kVersion};
  if (faults().is("no-driver")) out->driver = 0;
  if (faults().is("old-driver")) out->driver = kOldVersion;
  return kSuccess;
}

Status count(int* out) {
  *out = faults().is("no-device") ? 0 : 1;
  if (faults().is("no-driver")) return kNoDriver;
  return faults().is("old-driver") ? kOldDriver : kSuccess;
}

Status properties(int device, Properties* out) {
  if (device != 0) return kBadArgument;
  const int capability = faults().is("capability") ? 75 : emulator().compute_capability();
  *out = {.major = capability / 10,
          .minor = capability % 10,
          .multiprocessors = 4,
          .memory_bytes = memory_bytes(),
          .shared_bytes = static_cast<int64_t>(emulator().most_shared_bytes()),
          .l2_bytes = 50 << 20};
  std::strcpy(out->name, "emulated on the host");
  return kSuccess;
}

Status select(int device) {
  return device == 0 ? kSuccess : kBadArgument;
}

Status memory(int64_t* free, int64_t* total) {
  *total = memory_bytes();
  *free = *total - used_bytes();
  return kSuccess;
}

Status allocate(void** out, int64_t bytes) {
  if (const Status status = scheduler().refuse_while_capturing(); status != kSuccess) return status;
  if (bytes < 0 || used_bytes() + bytes > memory_bytes()) return kOutOfMemory;
  if (faults().is("taken") && bytes > kLeft) return kOutOfMemory;
  *out = emulator().allocate(static_cast<size_t>(bytes));
  allocations()[*out] = bytes;
  return kSuccess;
}

// Does all work that is left, for calls that come from destructors: what a kernel did wrong has
// been told to whoever waited for it.
Status finish_quietly() {
  for (;;) {
    try {
      return scheduler().finish_all();
    } catch (const Error&) {
      continue;  // the work that failed is done with
    }
  }
}

// Waits for all work, as cudaFree does.
Status release(void* pointer) {
  const auto found = allocations().find(pointer);
  if (found == allocations().end()) return kBadArgument;
  const Status status = finish_quietly();
  allocations().erase(found);
  emulator().release(pointer);
  return status;
}

// Not the device's: a kernel that used it would be in error.
Status allocate_pinned(void** out, int64_t bytes) {
  if (const Status status = scheduler().refuse_while_capturing(); status != kSuccess) return status;
  *out = std::malloc(static_cast<size_t>(std::max<int64_t>(1, bytes)));
  return *out == nullptr ? kOutOfMemory : kSuccess;
}

Status release_pinned(void* pointer) {
  const Status status = finish_quietly();
  std::free(pointer);
  return status;
}

Status put(void* stream, std::function<void()> function) {
  return scheduler().put(stream_of(stream), body_of(std::move(function)));
}

Status copy(void* to, const void* from, int64_t bytes, void* stream) {
  return put(stream, [=] { std::memcpy(to, from, static_cast<size_t>(bytes)); });
}
Status fill(void* to, int byte, int64_t bytes, void* stream) {
  return put(stream, [=] { std::memset(to, byte, static_cast<size_t>(bytes)); });
}

Status stream_create(void** out) {
  *out = scheduler().add_stream();
  return kSuccess;
}
Status stream_destroy(void* stream) {
  const Status status = finish_quietly();
  scheduler().remove_stream(&stream_of(stream));
  return status;
}
Status stream_synchronize(void* stream) {
  if (faults().lost() != kSuccess) return faults().lost();
  return scheduler().synchronize(stream_of(stream));
}
Status stream_wait(void* stream, void* event) {
  return scheduler().wait(stream_of(stream), event_of(event));
}

Status event_create(void** out) {
  *out = new std::shared_ptr<Event>(std::make_shared<Event>());
  return kSuccess;
}
Status event_destroy(void* event) {
  delete static_cast<std::shared_ptr<Event>*>(event);
  return kSuccess;
}
Status event_record(void* event, void* stream) {
  return scheduler().record(event_of(event), stream_of(stream));
}
Status event_query(void* event) {
  if (const Status status = scheduler().refuse_while_capturing(); status != kSuccess) return status;
  return event_of(event)->reached == event_of(event)->recorded ? kSuccess : kNotReady;
}
Status event_synchronize(void* event) {
  if (const Status status = faults().on_wait(); status != kSuccess) return status;
  return scheduler().synchronize(*event_of(event));
}
// The host's time: what is slow here need not be slow on a GPU.
Status event_milliseconds(float* out, void* from, void* to) {
  const Event &first = *event_of(from), &second = *event_of(to);
  if (first.reached < first.recorded || second.reached < second.recorded) return kNotReady;
  *out = static_cast<float>((second.seconds - first.seconds) * 1e3);
  return kSuccess;
}

Status range_push(const char*) {
  return kSuccess;
}
Status range_pop() {
  return kSuccess;
}

using SharedGraph = std::shared_ptr<const Graph>;

Status capture_begin(void* stream) {
  return scheduler().begin_capture(stream_of(stream));
}
Status capture_end(void* stream, void** out) {
  SharedGraph graph;
  const Status status = scheduler().end_capture(stream_of(stream), graph);
  if (status == kSuccess) *out = new SharedGraph(std::move(graph));
  return status;
}
Status graph_launch(void* graph, void* stream) {
  if (const Status status = faults().on_launch(); status != kSuccess) return status;
  return scheduler().launch(*static_cast<SharedGraph*>(graph), stream_of(stream));
}
Status graph_destroy(void* graph) {
  delete static_cast<SharedGraph*>(graph);
  return kSuccess;
}

Status set_order(Order order, uint64_t seed) {
  scheduler().set_order(order, seed);
  emulator().set_order(order, seed);
  return kSuccess;
}

Status last_error() {
  return kSuccess;
}

struct StatusText {
  Status status;
  const char* name;
  const char* text;
};
constexpr StatusText kTexts[] = {
    {kSuccess, "success", "no error"},
    {kOutOfMemory, "out_of_memory", "the device has not as much memory left"},
    {kNoDriver, "no_driver", "there is no driver"},
    {kOldDriver, "old_driver", "the driver is too old"},
    {emulated::kEccError, "cudaErrorECCUncorrectable", "uncorrectable ECC error encountered"},
    {emulated::kLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {kVendorStatus + emulated::kProductFailure, "CUBLAS_STATUS_EXECUTION_FAILED",
     "the GPU program failed to execute"},
    {kAttentionStatus + emulated::kAttentionFailure, "CUDNN_STATUS_EXECUTION_FAILED",
     "the GPU program failed to execute"},
    {kNotReady, "not_ready", "the stream has not come to the event"},
    {kNotCaptured, "not_captured", "the call is not allowed while work is captured"},
    {kUnjoined, "unjoined", "a stream of the capture was not joined to its first stream"},
    {kBadArgument, "bad_argument", "an argument is not what the call takes"},
};

const StatusText& text_of(Status status) {
  for (const StatusText& entry : kTexts)
    if (entry.status == status) return entry;
  return text_of(kBadArgument);
}

const char* error_name(Status status) {
  return text_of(status).name;
}
const char* error_text(Status status) {
  return text_of(status).text;
}

}  // namespace

const Api& api_of_this_library() {
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
                            .set_order = set_order,
                            .last_error = last_error,
                            .error_name = error_name,
                            .error_text = error_text};
  return kApi;
}

const char* kind_of_this_library() {
  return "emulated";
}
const char* architectures_of_this_library() {
  return "host";
}

namespace emulated {

void put_on_stream(void* stream, std::function<void()> work) {
  static_cast<void>(put(stream, std::move(work)));
}

void use_emulator(const EmulatorFunctions& functions) {
  emulator() = functions;
}

}  // namespace emulated
}  // namespace weft::device
