// One block of an emulated grid while it runs: a fiber per thread, their order, barriers and
// collective instructions. One OS thread runs it from beginning to end; several blocks may run on
// several OS threads.
#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/cuda/launch.h"
#include "kernels/emulator/accesses.h"
#include "kernels/emulator/async_copies.h"
#include "kernels/emulator/box_copies.h"
#include "kernels/emulator/fiber.h"
#include "kernels/emulator/mbarriers.h"
#include "kernels/emulator/schedule.h"
#include "kernels/emulator/thread.h"
#include "kernels/emulator/warp_groups.h"

namespace weft::emulator {

struct BlockTask {
  const cuda::Launch* launch = nullptr;
  const cuda::KernelCall* call = nullptr;
  BlockIndex index;
  uint32_t run = 0, first_run = 0;
  MemoryMap map;
  Schedule schedule;
};

class Block {
 public:
  static constexpr unsigned kMostThreads = 1024;
  static constexpr unsigned kNamedBarriers = 16;

  Block();
  // Runs every thread to its end. Throws Fault.
  void run(const BlockTask& task);

  // The block of the fiber that is running.
  static Block& current();
  unsigned thread() const;  // that is running
  const BlockTask& task() const { return task_; }
  const BlockLaunch& launch() const { return launch_; }
  Accesses& accesses() { return accesses_; }
  ThreadCopies& copies() { return threads_[running_].copies; }
  Mbarriers& mbarriers() { return mbarriers_; }
  BoxCopies& box_copies() { return box_copies_; }
  WarpGroups& warp_groups() { return warp_groups_; }
  // The numbers that clocks and accesses know asynchronous units by, after the threads.
  unsigned matrix_unit(unsigned group) const { return launch_.threads + group; }
  unsigned copy_unit() const { return launch_.threads + launch_.threads / kWarpGroup; }

  struct Rendezvous {
    unsigned id, threads;
    bool wait;
    Site site;
  };
  void barrier(const Rendezvous& at);
  void warp_barrier(uint32_t mask, Site site);
  void collective(const Collective& what, uint32_t mask, void* operands, Site site);
  // The running thread stops until another one, or a copy that lands, wakes it.
  void wait_at_mbarrier(Site site) { leave(State::kAtMbarrier, site); }
  void wait_in_collective(Site site) { leave(State::kInCollective, site); }
  void wake(unsigned thread) { threads_[thread].state = State::kRunnable; }
  // Ends the block with a fault, from one of its threads.
  [[noreturn]] void fail(Detector detector, const std::string& message);

 private:
  enum class State : uint8_t { kRunnable, kAtBarrier, kInCollective, kAtMbarrier, kDone };
  struct Thread {
    std::unique_ptr<Fiber> fiber;
    State state = State::kDone;
    Site site;
    ThreadCopies copies;
  };
  struct Barrier {
    unsigned expected = 0, arrived = 0;
    Site site;
    std::vector<unsigned> waiting;
    Clocks::Token token;
    std::array<char, 2> tokens{};  // of ThreadSanitizer, by turns: see barrier()
    unsigned turn = 0;
  };
  struct Gathering {
    const Collective* what = nullptr;
    uint32_t mask = 0, arrived = 0;
    std::array<void*, 32> operands{};
  };

  static void thread_entry(void* block);
  void start_threads();
  void run_rounds();
  bool run_round();
  void order_round();
  // To the scheduler, in this state; `token` is released to ThreadSanitizer at the last moment.
  void leave(State state, Site site, void* token = nullptr);
  void arrive(Barrier& barrier, const Rendezvous& at, bool whole);
  // These two return whether the caller was the last one, and need not wait.
  bool count_arrival(Barrier& barrier, const Rendezvous& at, bool whole);
  bool gather(const Collective& what, uint32_t mask, void* operands, Site site);
  void complete(Barrier& barrier, bool whole);
  bool land_copy();
  void report_stuck();
  std::string place() const;

  BlockTask task_;
  BlockLaunch launch_;
  Accesses accesses_;
  std::optional<Fiber> scheduler_;  // the stack of the OS thread that runs the block
  std::vector<Thread> threads_;
  std::vector<unsigned> order_;
  std::array<Barrier, kNamedBarriers> barriers_;
  std::vector<Barrier> warp_barriers_;
  std::vector<Gathering> gatherings_;
  Mbarriers mbarriers_;
  BoxCopies box_copies_;
  WarpGroups warp_groups_;
  unsigned running_ = 0, done_ = 0;
  uint64_t random_ = 1;
  std::exception_ptr fault_;
  char launch_token_ = 0, end_token_ = 0;
};

}  // namespace weft::emulator
