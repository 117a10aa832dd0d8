// The emulated device's library: brings its streams (src/core) together with the emulator of
// kernels, whose memory watches every access.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "core/cuda/emulated/memory.h"
#include "kernels/emulator/device_memory.h"
#include "kernels/emulator/queue.h"
#include "kernels/emulator/schedule.h"
#include "ops/device/entry.h"

namespace weft::ops::device_library {
namespace {

class Queue final : public emulator::WorkQueue {
 public:
  explicit Queue(void* stream) : stream_(stream) {}
  void push(std::function<void()> work) override {
    device::emulated::put_on_stream(stream_, std::move(work));
  }

 private:
  void* stream_;
};

// OS threads that the blocks of a kernel run on: WEFT_EMULATED_WORKERS, for ThreadSanitizer to look
// for races between blocks.
unsigned workers() {
  const char* text = std::getenv("WEFT_EMULATED_WORKERS");
  return text == nullptr ? 1 : static_cast<unsigned>(std::max(1, std::atoi(text)));
}

// Threads and blocks of kernels run in the order that work of streams does.
void set_order(device::Order order, uint64_t seed) {
  static std::optional<emulator::ScopedSchedule> the_schedule;
  the_schedule.reset();
  the_schedule.emplace(emulator::Schedule{
      .order = static_cast<emulator::Order>(order), .seed = seed, .workers = workers()});
}

}  // namespace

void prepare() {
  device::emulated::use_emulator(
      {.allocate = [](size_t bytes) { return emulator::device_allocate(bytes, "device memory"); },
       .release = [](void* memory) { emulator::device_free(memory); },
       .set_order = set_order});
}

void call(Launch launch, const void* args, void* stream) {
  Queue queue(stream);
  launch({&queue}, args);
}

}  // namespace weft::ops::device_library
