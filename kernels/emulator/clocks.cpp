// Vector clocks of a block; clocks.h says what they are for.
#include "kernels/emulator/clocks.h"

#include <algorithm>
#include <limits>

#include "weft/error.h"

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
  tick(thread);
}

void Clocks::tick(unsigned thread) {
  uint16_t& clock = row(thread)[thread];
  WEFT_ASSERT(clock < std::numeric_limits<uint16_t>::max());  // a smaller test shows the same
  ++clock;
}

void Clocks::acquire(unsigned thread, const Token& token) {
  if (token.run != run_ || token.epoch != epoch_ || token.seen.empty()) return;
  uint16_t* mine = row(thread);
  for (unsigned i = 0; i < threads_; ++i) mine[i] = std::max(mine[i], token.seen[i]);
}

Clocks::Token Clocks::common(unsigned first, unsigned count) {
  const uint16_t* known = row(first);
  Token token{run_, epoch_, {known, known + threads_}};
  for (unsigned t = first + 1; t < first + count; ++t) {
    known = row(t);
    for (unsigned i = 0; i < threads_; ++i) token.seen[i] = std::min(token.seen[i], known[i]);
  }
  return token;
}

bool Clocks::ordered(const Stamp& earlier, const Token& token) const {
  if (earlier.epoch != token.epoch) return earlier.epoch < token.epoch;
  return token.seen[earlier.thread] >= earlier.clock;
}

void Clocks::publish(unsigned unit, const Token& issued, Token& token) {
  if (token.run != run_ || token.epoch != epoch_) token = {run_, epoch_, {}};
  token.seen.resize(threads_);
  const bool now = issued.run == run_ && issued.epoch == epoch_;
  for (unsigned i = 0; now && i < threads_; ++i) {
    token.seen[i] = std::max(token.seen[i], issued.seen[i]);
  }
  token.seen[unit] = std::max(token.seen[unit], row(unit)[unit]);
  tick(unit);
}

}  // namespace weft::emulator
