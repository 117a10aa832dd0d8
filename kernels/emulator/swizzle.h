// How 16-byte chunks of shared memory are permuted for tensor cores and copies of boxes.
#pragma once

#include <cstddef>

namespace weft::emulator {

// Where the byte at `offset` of shared memory lies under a swizzle of rows of `span` bytes (0, 32,
// 64, 128): the chunk's number in its row xor the bits 7 and on of the offset.
inline size_t swizzled(size_t offset, unsigned span) {
  constexpr size_t kChunk = 16, kLine = 128;
  if (span == 0) return offset;
  return offset ^ (offset / kLine % (span / kChunk)) * kChunk;
}

// After so many bytes the permutation begins anew: 8 rows.
inline size_t repeat_of_swizzle(unsigned span) {
  return span == 0 ? 1 : size_t{8} * span;
}

}  // namespace weft::emulator
