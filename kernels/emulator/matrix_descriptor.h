// The 64 bits that tell wgmma where an operand lies in shared memory, and the chunks of 8 elements
// that they name. PTX ISA, "Shared Memory Matrix Layout" and "Matrix Descriptor Format".
#pragma once

#include <cstdint>
#include <vector>

namespace weft::emulator {

struct MatrixDescriptor {
  uint32_t start = 0, leading = 0, stride = 0;  // bytes
  unsigned swizzle = 0;                         // bytes of a row: 0, 32, 64, 128
  uint64_t others = 0;                          // bits that must be 0
};
MatrixDescriptor decode_descriptor(uint64_t bits);

// Where chunk c (of `along` chunks) of line l lies, as offsets in shared memory: index l along + c.
// An operand of `mn` rows or columns and 16 of k has, k-major, mn lines of 2 chunks; else 16 lines
// of mn / 8 chunks.
std::vector<uint32_t> chunks_of_operand(const MatrixDescriptor& d, int mn, bool k_major);

}  // namespace weft::emulator
