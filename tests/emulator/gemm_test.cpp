// Matrix products for GPUs, emulated: against a naive product in double, for all layouts, edges of
// tiles, epilogues and alignments, in every order of threads.
#include "gemm_product.h"

namespace weft::emulator::testing {
namespace {

// One tile of each kind, the tile's edge, one past it, more steps than stages, odd sizes that no
// vector fits, sizes of one.
struct Sizes {
  int64_t m, n, k;
};
constexpr Sizes kSizes[] = {{1, 1, 1},  {16, 8, 16},   {33, 24, 72},
                            {13, 7, 5}, {129, 136, 8}, {8, 16, 320}};

template <class In>
void check_layouts() {
  for (const Sizes& z : kSizes) {
    for (const int layout : {0, 1, 2, 3}) {
      SCOPED_TRACE(std::to_string(z.m) + "x" + std::to_string(z.n) + "x" + std::to_string(z.k) +
                   " layout " + std::to_string(layout));
      GemmSpec s = spec_of(z.m, z.n, z.k, kDTypeOf<In>, DType::kF32);
      s.trans_a = layout / 2 == 1;
      s.trans_b = layout % 2 == 1;
      expect_matches(Product<In, float>(s));
    }
  }
}

TEST(EmulatedGemm, MatchesInAllLayouts) {
  check_layouts<BFloat16>();
}
TEST(EmulatedGemmFloat, MatchesInAllLayouts) {
  check_layouts<float>();
}

template <class In, class Out>
void check_epilogues() {
  GemmSpec s = spec_of(20, 24, 40, kDTypeOf<In>, kDTypeOf<Out>);
  s.bias = true;
  expect_matches(Product<In, Out>(s, 0.5f));
  s.residual = true;
  s.save_pre_activation = true;
  for (const auto kind : {ActivationKind::kGelu, ActivationKind::kGeluTanh, ActivationKind::kSilu,
                          ActivationKind::kRelu, ActivationKind::kTanh}) {
    s.activation = kind;
    expect_matches(Product<In, Out>(s));
  }
  s.ldc = 27;
  s.lda = 43;
  expect_matches(Product<In, Out>(s));
}

TEST(EmulatedGemm, HasTheEpiloguesOfTheCpu) {
  check_epilogues<BFloat16, BFloat16>();
  check_epilogues<BFloat16, float>();
}
TEST(EmulatedGemmFloat, HasTheEpiloguesOfTheCpu) {
  check_epilogues<float, float>();
}

template <class In>
void check_gates() {
  for (const Sizes& z : {Sizes{20, 24, 40}, Sizes{5, 66, 24}, Sizes{9, 7, 8}}) {
    for (const bool trans_b : {false, true}) {
      SCOPED_TRACE(std::to_string(z.n) + (trans_b ? " T" : " N"));
      GemmSpec s = spec_of(z.m, z.n, z.k, kDTypeOf<In>, DType::kF32);
      s.gated = true;
      s.activation = ActivationKind::kSilu;
      s.trans_b = trans_b;
      s.bias = s.save_pre_activation = true;
      expect_matches(Product<In, float>(s));
    }
  }
}

TEST(EmulatedGemm, GatesPairsOfColumns) {
  check_gates<BFloat16>();
}
TEST(EmulatedGemmFloat, GatesPairsOfColumns) {
  check_gates<float>();
}

TEST(EmulatedGemm, AccumulatesIntoFloat) {
  const GemmSpec s = spec_of(40, 24, 64, DType::kBF16, DType::kF32);
  expect_matches(Product<BFloat16, float>(s, 1.0f, true));
}

TEST(EmulatedGemm, HasTheSameBitsInEveryOrder) {
  for (const bool trans : {false, true}) {
    GemmSpec s = spec_of(136, 40, 200, DType::kBF16, DType::kBF16);
    s.trans_a = s.trans_b = trans;
    s.bias = s.residual = true;
    s.activation = ActivationKind::kGeluTanh;
    expect_same_bits_in_every_order([&] { return Product<BFloat16, BFloat16>(s).bits(); });
  }
}

TEST(EmulatedGemmFloat, HasTheSameBitsInEveryOrder) {
  const GemmSpec s = spec_of(70, 40, 50, DType::kF32, DType::kF32);
  expect_same_bits_in_every_order([&] { return Product<float, float>(s).bits(); });
}

TEST(EmulatedGemmThreads, HasNoRaceBetweenBlocks) {
  const GemmSpec s = spec_of(130, 130, 72, DType::kBF16, DType::kF32);
  expect_same_bits_on_workers([&] { return Product<BFloat16, float>(s).bits(); });
}

TEST(EmulatedGemm, RefusesOtherTypes) {
  const GemmSpec s = spec_of(1, 1, 1, DType::kF16, DType::kF16);
  EXPECT_THROW(gemm(cuda::Stream{}, s, GemmArgs{}), Error);
}

}  // namespace
}  // namespace weft::emulator::testing
