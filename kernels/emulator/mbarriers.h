// mbarriers of a block: objects in its shared memory whose phase ends when all arrivals that it
// counts and all bytes that it expects have come. Kept beside the memory, by its offset. PTX ISA,
// "Parallel Synchronization and Communication Instructions: mbarrier".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "kernels/emulator/clocks.h"
#include "kernels/emulator/fault.h"
#include "kernels/emulator/thread.h"

namespace weft::emulator {

class Block;

class Mbarriers {
 public:
  explicit Mbarriers(Block& block) : block_(block) {}
  void begin() { all_.clear(); }
  // Faults if a phase is left with bytes that never came, or came and were not expected.
  void end();

  void init(void* object, unsigned count, Site site);
  // fence.mbarrier_init: what the thread has made, copies see from now on.
  void fence_init(unsigned thread);
  // The running thread arrives, and expects so many more bytes of this phase.
  void arrive(void* object, int64_t bytes, Site site);
  void wait(void* object, unsigned parity, Site site);

  // A copy that will complete on it is issued by the running thread: it must be there for copies.
  void check_target(void* object, Site site);
  // Bytes have come, of a copy issued under `issued` by `unit`.
  void complete(void* object, int64_t bytes, unsigned unit, const Clocks::Token& issued);

  struct Stuck {
    Detector detector;
    std::string text;
  };
  // Why threads wait for ever, if any waits here.
  std::optional<Stuck> stuck() const;

 private:
  struct Waiting {
    unsigned thread;
    Site site;
  };
  struct Mbarrier {
    unsigned count = 0, pending = 0;  // arrivals
    int64_t bytes = 0;                // yet to come
    unsigned phase = 0;               // how many have ended
    Stamp made;
    bool fenced = false;
    Clocks::Token arriving, ended;  // of this phase, and of the last that ended
    std::vector<Waiting> waiting;
    std::array<char, 2> tokens{};  // of ThreadSanitizer, by turns as in Block::barrier
  };

  Mbarrier& find(void* object, Site site);
  void advance(Mbarrier& m);
  std::string describe(size_t offset, const Mbarrier& m) const;

  Block& block_;
  std::map<size_t, Mbarrier> all_;  // by offset in shared memory
};

// What the vocabulary calls.
void mbarrier_init(void* object, unsigned count, Site site);
void mbarrier_fence_init();
void mbarrier_arrive(void* object, int64_t bytes, Site site);
void mbarrier_wait(void* object, unsigned parity, Site site);
void fence_proxy();

}  // namespace weft::emulator
