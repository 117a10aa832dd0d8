// The arithmetic of a warp whose lanes have all arrived at an mma.sync or ldmatrix.
#include "kernels/emulator/mma.h"

namespace weft::emulator {
namespace {

constexpr int kM = 16, kN = 8, kK = 16, kLanes = 32;

struct MmaOperands {
  float* c;
  const uint32_t* a;
  const uint32_t* b;
};

float half_of(uint32_t pair, int which) {
  return static_cast<float>(BFloat16::from_bits(static_cast<uint16_t>(pair >> (16 * which))));
}

void run_mma(void* const* operands) {
  float a[kM][kK], b[kK][kN];
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto& mine = *static_cast<const MmaOperands*>(operands[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int half = 0; half < 2; ++half) {
      for (int r = 0; r < 4; ++r) {
        a[g + 8 * (r % 2)][2 * t + half + 8 * (r / 2)] = half_of(mine.a[r], half);
      }
      for (int r = 0; r < 2; ++r) b[2 * t + half + 8 * r][g] = half_of(mine.b[r], half);
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    float* c = static_cast<const MmaOperands*>(operands[lane])->c;
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      const float* row = a[g + 8 * (i / 2)];
      for (int k = 0; k < kK; ++k) c[i] += row[k] * b[k][2 * t + i % 2];
    }
  }
}

struct MatrixOperands {
  const BFloat16* row;
  uint32_t* out;
};

uint32_t pair_of(BFloat16 low, BFloat16 high) {
  return static_cast<uint32_t>(high.bits) << 16 | low.bits;
}

template <bool kTransposed>
void run_exchange(void* const* operands) {
  const auto row = [&](int matrix, int i) {
    return static_cast<const MatrixOperands*>(operands[8 * matrix + i])->row;
  };
  for (int lane = 0; lane < kLanes; ++lane) {
    uint32_t* out = static_cast<const MatrixOperands*>(operands[lane])->out;
    const int g = lane / 4, t = lane % 4;
    for (int m = 0; m < 4; ++m) {
      out[m] = kTransposed ? pair_of(row(m, 2 * t)[g], row(m, 2 * t + 1)[g])
                           : pair_of(row(m, g)[2 * t], row(m, g)[2 * t + 1]);
    }
  }
}

constexpr Collective kMma{"mma.sync", &run_mma};
constexpr Collective kLoadMatrices{"ldmatrix", &run_exchange<false>};
constexpr Collective kLoadTransposed{"ldmatrix.trans", &run_exchange<true>};
constexpr uint32_t kAllLanes = 0xffffffffu;

}  // namespace

void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Site site) {
  MmaOperands mine{c, a, b};
  collective(kMma, kAllLanes, &mine, site);
}

void exchange_matrices(const BFloat16 (&row)[8], uint32_t (&out)[4], bool transposed, Site site) {
  MatrixOperands mine{row, out};
  collective(transposed ? kLoadTransposed : kLoadMatrices, kAllLanes, &mine, site);
}

}  // namespace weft::emulator
