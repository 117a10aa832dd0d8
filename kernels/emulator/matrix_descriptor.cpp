// Descriptors of matrices in shared memory; the layouts are the canonical ones of the manual's
// figures, as CUTLASS writes them down too (mma_traits_sm90_gmma.hpp).
#include "kernels/emulator/matrix_descriptor.h"

#include "kernels/emulator/swizzle.h"

namespace weft::emulator {
namespace {

constexpr uint32_t kChunk = 16;  // bytes
constexpr int kEight = 8;        // elements in a chunk, and lines in a core matrix

// Rows are lines; two chunks of k each. Without a swizzle the second is `leading` away.
uint32_t k_major_offset(const MatrixDescriptor& d, int line, int chunk) {
  const auto group = static_cast<uint32_t>(line / kEight),
             row = static_cast<uint32_t>(line % kEight);
  const auto c = static_cast<uint32_t>(chunk);
  if (d.swizzle == 0) return group * d.stride + row * kChunk + c * d.leading;
  return group * d.stride + row * d.swizzle + c * kChunk;
}

// Lines are of k; as many chunks as fit into a swizzled row are together, then `leading` on.
uint32_t mn_major_offset(const MatrixDescriptor& d, int line, int chunk) {
  const auto group = static_cast<uint32_t>(line / kEight),
             row = static_cast<uint32_t>(line % kEight);
  const auto c = static_cast<uint32_t>(chunk);
  if (d.swizzle == 0) return group * d.leading + row * kChunk + c * d.stride;
  const uint32_t width = d.swizzle / kChunk;
  return group * d.stride + row * d.swizzle + c / width * d.leading + c % width * kChunk;
}

}  // namespace

MatrixDescriptor decode_descriptor(uint64_t bits) {
  constexpr unsigned kSpans[] = {0, 128, 64, 32};
  const auto field = [bits](int at) { return static_cast<uint32_t>(bits >> at & 0x3fff) * kChunk; };
  constexpr uint64_t kUsed =
      0x3fffull | 0x3fffull << 16 | 0x3fffull << 32 | 3ull << 62;  // no base offset
  return {field(0), field(16), field(32), kSpans[bits >> 62], bits & ~kUsed};
}

std::vector<uint32_t> chunks_of_operand(const MatrixDescriptor& d, int mn, bool k_major) {
  const int lines = k_major ? mn : 2 * kEight, along = k_major ? 2 : mn / kEight;
  std::vector<uint32_t> chunks;
  chunks.reserve(static_cast<size_t>(lines) * static_cast<size_t>(along));
  for (int line = 0; line < lines; ++line) {
    for (int c = 0; c < along; ++c) {
      const uint32_t linear =
          d.start + (k_major ? k_major_offset(d, line, c) : mn_major_offset(d, line, c));
      chunks.push_back(static_cast<uint32_t>(swizzled(linear, d.swizzle)));
    }
  }
  return chunks;
}

}  // namespace weft::emulator
