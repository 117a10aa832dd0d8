// Which accesses of a block's threads are ordered: vector clocks (Fidge; Mattern, 1988), all zero
// again after each barrier of the whole block, which keeps them cheap. Only barriers order memory:
// a shuffle or an mma.sync does not. Units that work beside the threads (tensor cores of a warp
// group, copies of boxes) are numbered after the threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::emulator {

// When one thread did something: in which run of a block, after how many barriers of all its
// threads, and at what time of its own since.
struct Stamp {
  uint32_t run = 0;  // of a block; never 0 in a stamp that was made
  uint32_t epoch = 0;
  uint16_t clock = 0;
  uint16_t thread = 0;
  int line = 0;  // of the source, for messages
};

class Clocks {
 public:
  // What an mbarrier, or a named barrier, carries from those that arrive to those that wait.
  struct Token {
    uint32_t run = 0, epoch = 0;
    std::vector<uint16_t> seen;
  };

  void begin(uint32_t run, unsigned threads);  // units included
  Stamp now(unsigned thread, int line) {
    return {run_, epoch_, row(thread)[thread], static_cast<uint16_t>(thread), line};
  }
  // Whether `earlier`, of the same run, happened before what `thread` does now.
  bool ordered(const Stamp& earlier, unsigned thread) {
    if (earlier.thread == thread || earlier.epoch != epoch_) return true;
    return row(thread)[earlier.thread] >= earlier.clock;
  }

  void order_all() { ++epoch_; }
  void release(unsigned thread, Token& token);
  void acquire(unsigned thread, const Token& token);

  // What all `count` threads from `first` on know.
  Token common(unsigned first, unsigned count);
  bool ordered(const Stamp& earlier, const Token& token) const;
  // A unit has done what was issued under `issued`: who acquires `token` knows that, and no more.
  void publish(unsigned unit, const Token& issued, Token& token);

 private:
  uint16_t* row(unsigned thread) {
    if (row_epochs_[thread] != epoch_) begin_row(thread);
    return seen_.data() + size_t{thread} * threads_;
  }
  void begin_row(unsigned thread);
  void tick(unsigned thread);

  uint32_t run_ = 0, epoch_ = 0;
  unsigned threads_ = 0;
  std::vector<uint16_t> seen_;        // of each thread, what it knows of each
  std::vector<uint32_t> row_epochs_;  // a row of another epoch is all zero
};

}  // namespace weft::emulator
