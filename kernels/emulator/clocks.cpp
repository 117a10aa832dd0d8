// Vector clocks of a block; clocks.h says what they are for.
#include "kernels/emulator/clocks.h"

#include <algorithm>

namespace weft::emulator {

void Clocks::begin(uint32_t run, unsigned threads) {
  run_ = run;
  epoch_ = 1;
  threads_ = threads;
  seen_.resize(size_t{threads} * threads);
  row_epochs_.assign(threads, 0);
}

uint16_t* Clocks::row(unsigned thread) {
  uint16_t* row = seen_.data() + size_t{thread} * threads_;
  if (row_epochs_[thread] != epoch_) {
    std::fill_n(row, threads_, uint16_t{0});
    row[thread] = 1;
    row_epochs_[thread] = epoch_;
  }
  return row;
}

bool Clocks::ordered(const Stamp& earlier, unsigned thread) {
  if (earlier.thread == thread || earlier.epoch != epoch_) return true;
  return row(thread)[earlier.thread] >= earlier.clock;
}

void Clocks::release(unsigned thread, Token& token) {
  if (token.run != run_ || token.epoch != epoch_) token = {run_, epoch_, {}};
  token.seen.resize(threads_);
  uint16_t* mine = row(thread);
  for (unsigned i = 0; i < threads_; ++i) token.seen[i] = std::max(token.seen[i], mine[i]);
  ++mine[thread];
}

void Clocks::acquire(unsigned thread, const Token& token) {
  if (token.run != run_ || token.epoch != epoch_ || token.seen.empty()) return;
  uint16_t* mine = row(thread);
  for (unsigned i = 0; i < threads_; ++i) mine[i] = std::max(mine[i], token.seen[i]);
}

}  // namespace weft::emulator
