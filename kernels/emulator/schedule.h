// In what order emulated threads and blocks run, and what the device says it can do. A correct
// kernel gives the same bits in every order; a test runs them all. Set for the process by the test,
// between launches.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::emulator {

enum class Order { kForward, kReversed, kShuffled };

struct Schedule {
  Order order = Order::kForward;  // of the threads of a block, and of the blocks of a grid
  uint64_t seed = 1;              // of kShuffled
  // More than one: blocks run on so many OS threads, for ThreadSanitizer to look for races between
  // them; races in global memory are then its task alone.
  unsigned workers = 1;
};

const Schedule& schedule();

// The schedule until the end of the scope.
class ScopedSchedule {
 public:
  explicit ScopedSchedule(const Schedule& schedule);
  ~ScopedSchedule();
  ScopedSchedule(const ScopedSchedule&) = delete;
  ScopedSchedule& operator=(const ScopedSchedule&) = delete;

 private:
  Schedule before_;
};

// What the emulated device says it can do: 80, so that launchers choose the plain kernels, unless a
// test says 90. Everything is emulated in either case.
int compute_capability();
// Of a block on such a device: CUDA Programming Guide, Compute Capabilities.
size_t most_shared_bytes();

class ScopedComputeCapability {
 public:
  explicit ScopedComputeCapability(int capability);
  ~ScopedComputeCapability();
  ScopedComputeCapability(const ScopedComputeCapability&) = delete;
  ScopedComputeCapability& operator=(const ScopedComputeCapability&) = delete;

 private:
  int before_;
};

}  // namespace weft::emulator
