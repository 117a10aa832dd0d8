// Vector clocks of a block; clocks.h says what they are for.
#include "kernels/emulator/clocks.h"

#include <algorithm>
#include <limits>

#include "kernels/emulator/sanitizer.h"
#include "weft/error.h"

namespace weft::emulator {
namespace {

WEFT_UNWATCHED void keep_later(uint16_t* mine, const uint16_t* others, size_t count) {
  for (size_t i = 0; i < count; ++i) mine[i] = mine[i] < others[i] ? others[i] : mine[i];
}

WEFT_UNWATCHED void keep_earlier(uint16_t* mine, const uint16_t* others, size_t count) {
  for (size_t i = 0; i < count; ++i) mine[i] = others[i] < mine[i] ? others[i] : mine[i];
}

}  // namespace

void Clocks::begin(uint32_t run, unsigned threads) {
  run_ = run;
  epoch_ = 1;
  threads_ = threads;
  seen_.resize(size_t{threads} * threads);
  row_epochs_.assign(threads, 0);
}

void Clocks::begin_row(unsigned thread) {
  uint16_t* row = seen_.data() + size_t{thread} * threads_;
  std::fill_n(row, threads_, uint16_t{0});
  row[thread] = 1;
  row_epochs_[thread] = epoch_;
}

void Clocks::release(unsigned thread, Token& token) {
  if (token.run != run_ || token.epoch != epoch_) token = {run_, epoch_, {}};
  token.seen.resize(threads_);
  keep_later(token.seen.data(), row(thread), threads_);
  tick(thread);
}

void Clocks::tick(unsigned thread) {
  uint16_t& clock = row(thread)[thread];
  WEFT_ASSERT(clock < std::numeric_limits<uint16_t>::max());  // a smaller test shows the same
  ++clock;
}

void Clocks::acquire(unsigned thread, const Token& token) {
  if (token.run != run_ || token.epoch != epoch_ || token.seen.empty()) return;
  WEFT_ASSERT(token.seen.size() == threads_);
  keep_later(row(thread), token.seen.data(), threads_);
}

Clocks::Token Clocks::common(unsigned first, unsigned count) {
  const uint16_t* known = row(first);
  Token token{run_, epoch_, {known, known + threads_}};
  for (unsigned t = first + 1; t < first + count; ++t)
    keep_earlier(token.seen.data(), row(t), threads_);
  return token;
}

bool Clocks::ordered(const Stamp& earlier, const Token& token) const {
  if (earlier.epoch != token.epoch) return earlier.epoch < token.epoch;
  return token.seen[earlier.thread] >= earlier.clock;
}

void Clocks::publish(unsigned unit, const Token& issued, Token& token) {
  if (token.run != run_ || token.epoch != epoch_) token = {run_, epoch_, {}};
  token.seen.resize(threads_);
  if (issued.run == run_ && issued.epoch == epoch_) {
    WEFT_ASSERT(issued.seen.size() == threads_);
    keep_later(token.seen.data(), issued.seen.data(), threads_);
  }
  token.seen[unit] = std::max(token.seen[unit], row(unit)[unit]);
  tick(unit);
}

}  // namespace weft::emulator
