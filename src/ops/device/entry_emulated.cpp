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

int number_of(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::max(1, std::atoi(text));
}

// For tests: with WEFT_EMULATED_CAPABILITY=90 launchers choose the kernels for Hopper.
void set_capability() {
  static std::optional<emulator::ScopedComputeCapability> the_capability;
  the_capability.reset();
  the_capability.emplace(number_of("WEFT_EMULATED_CAPABILITY", emulator::compute_capability()));
}

// Threads and blocks of kernels run in the order that work of streams does. For tests: on
// WEFT_EMULATED_WORKERS OS threads, so that ThreadSanitizer sees races between blocks.
void set_order(device::Order order, uint64_t seed) {
  static std::optional<emulator::ScopedSchedule> the_schedule;
  the_schedule.reset();
  the_schedule.emplace(
      emulator::Schedule{.order = static_cast<emulator::Order>(order),
                         .seed = seed,
                         .workers = static_cast<unsigned>(number_of("WEFT_EMULATED_WORKERS", 1))});
  set_capability();
}

}  // namespace

void prepare() {
  set_capability();
  device::emulated::use_emulator(
      {.allocate = [](size_t bytes) { return emulator::device_allocate(bytes, "device memory"); },
       .release = [](void* memory) { emulator::device_free(memory); },
       .set_order = set_order,
       .compute_capability = emulator::compute_capability,
       .most_shared_bytes = emulator::most_shared_bytes});
}

void call(Launch launch, const void* args, void* stream) {
  Queue queue(stream);
  launch({&queue}, args);
}

}  // namespace weft::ops::device_library
