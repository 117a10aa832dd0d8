// A keyed random order of the numbers [0, size), in constant memory and with any position in
// constant time: how an epoch is shuffled. It knows no tokens and no batches.
#pragma once

#include <cstdint>

namespace weft::data {

// A bijection of [0, size): a Feistel network over the smallest power of two that holds `size`, at
// least 64 (Luby and Rackoff, 1988), with cycle walking back into the range (Black and Rogaway,
// "Ciphers with arbitrary finite domains", CT-RSA 2002). Round functions are Philox under `key`.
// Above 32 numbers fewer than two walks are needed on average. Threads may share it.
class Permutation {
 public:
  // `size` is in [1, 2^62]. Equal size and key give the same order, on every machine.
  Permutation(int64_t size, uint64_t key);

  int64_t size() const { return size_; }
  // The number at `position`; both are in [0, size()).
  int64_t operator()(int64_t position) const;

 private:
  uint64_t encrypt(uint64_t value) const;

  int64_t size_;
  uint64_t key_;
  int left_bits_;
  int right_bits_;
};

}  // namespace weft::data
