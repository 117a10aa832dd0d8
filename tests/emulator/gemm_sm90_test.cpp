// Matrix products for Hopper, emulated: against a naive product in double, for all layouts, edges
// of tiles and epilogues, with blocks that go through several tiles, in every order of threads.
#include "kernels/gemm/gemm_sm90.h"

#include "gemm_product.h"

namespace weft::emulator::testing {
namespace {

struct Hopper {
  ScopedComputeCapability capability{90};
};

GemmSpec with_layout(GemmSpec s, int layout) {
  s.trans_a = layout / 2 == 1;
  s.trans_b = layout % 2 == 1;
  return s;
}

// The least there is; one tile; one past it, more steps than stages; tiles in several groups.
struct Sizes {
  int64_t m, n, k;
};
constexpr Sizes kSizes[] = {
    {64, 64, 8}, {128, 256, 64}, {136, 264, 72}, {200, 72, 328}, {2056, 64, 8}};

TEST(EmulatedGemmSm90, MatchesInAllLayouts) {
  const Hopper hopper;
  for (const Sizes& z : kSizes) {
    for (const int layout : {0, 1, 2, 3}) {
      SCOPED_TRACE(std::to_string(z.m) + "x" + std::to_string(z.n) + "x" + std::to_string(z.k) +
                   " layout " + std::to_string(layout));
      const GemmSpec s = spec_of(z.m, z.n, z.k, DType::kBF16, DType::kF32);
      expect_matches(Product<BFloat16, float>(with_layout(s, layout)));
    }
  }
}

// Rows and columns that end anywhere, where the operands' rows are the other ones.
TEST(EmulatedGemmSm90, HasTilesThatEndAnywhere) {
  const Hopper hopper;
  GemmSpec s = spec_of(131, 67, 24, DType::kBF16, DType::kBF16);
  s.trans_b = true;
  expect_matches(Product<BFloat16, BFloat16>(s));
  s.ldc = 80;
  s.lda = s.ldb = 32;
  expect_matches(Product<BFloat16, BFloat16>(s));
}

template <class Out>
void check_epilogues() {
  GemmSpec s = spec_of(72, 72, 40, DType::kBF16, kDTypeOf<Out>);
  s.bias = true;
  expect_matches(Product<BFloat16, Out>(s, 0.5f));
  s.residual = true;
  s.save_pre_activation = true;
  for (const auto kind : {ActivationKind::kGelu, ActivationKind::kGeluTanh, ActivationKind::kSilu,
                          ActivationKind::kRelu, ActivationKind::kTanh}) {
    s.activation = kind;
    expect_matches(Product<BFloat16, Out>(s));
  }
  s.ldc = 75;  // no vectors
  expect_matches(Product<BFloat16, Out>(s));
}

TEST(EmulatedGemmSm90, HasTheEpiloguesOfTheCpu) {
  const Hopper hopper;
  check_epilogues<BFloat16>();
  check_epilogues<float>();
}

TEST(EmulatedGemmSm90, GatesPairsOfColumns) {
  const Hopper hopper;
  for (const Sizes& z : {Sizes{72, 136, 40}, Sizes{130, 68, 24}}) {
    for (const bool trans_b : {false, true}) {
      SCOPED_TRACE(std::to_string(z.n) + (trans_b ? " T" : " N"));
      GemmSpec s = spec_of(z.m, z.n, z.k, DType::kBF16, DType::kF32);
      s.gated = true;
      s.activation = ActivationKind::kSilu;
      s.trans_b = trans_b;
      s.bias = s.save_pre_activation = true;
      expect_matches(Product<BFloat16, float>(s));
    }
  }
}

TEST(EmulatedGemmSm90, AccumulatesIntoFloat) {
  const Hopper hopper;
  const GemmSpec s = spec_of(72, 80, 64, DType::kBF16, DType::kF32);
  expect_matches(Product<BFloat16, float>(s, 1.0f, true));
}

// Each sum has the order of k in either kernel: so the bits are the plain kernel's, too.
TEST(EmulatedGemmSm90, HasTheSameBitsInEveryOrderAndThePlainKernels) {
  for (const int layout : {0, 3}) {
    GemmSpec s = with_layout(spec_of(136, 264, 136, DType::kBF16, DType::kBF16), layout);
    s.bias = s.residual = true;
    s.activation = ActivationKind::kGeluTanh;
    const std::string plain = Product<BFloat16, BFloat16>(s).bits();
    const Hopper hopper;
    expect_same_bits_in_every_order([&] {
      const std::string bits = Product<BFloat16, BFloat16>(s).bits();
      EXPECT_TRUE(bits == plain);
      return bits;
    });
  }
}

TEST(EmulatedGemmSm90Threads, HasNoRaceBetweenBlocks) {
  const Hopper hopper;
  const GemmSpec s = spec_of(264, 264, 72, DType::kBF16, DType::kF32);
  expect_same_bits_on_workers([&] { return Product<BFloat16, float>(s).bits(); });
}

// The kernel that a product goes to, told by the fault that operands outside the device make.
std::string kernel_of(const GemmSpec& s, int capability) {
  static const std::vector<float> kOnHost(size_t{1} << 16);
  const ScopedComputeCapability scope(capability);
  const auto* data = reinterpret_cast<const char*>(kOnHost.data());
  const char* aligned = data + (64 - reinterpret_cast<uintptr_t>(data) % 64);
  const GemmArgs args{.a = aligned, .b = aligned, .c = const_cast<char*>(aligned)};
  const std::string text = finding_of([&] { gemm_bf16(cuda::Stream{}, s, args); }).message;
  return text.substr(text.find("kernel ") + 7, text.find(", block") - text.find("kernel ") - 7);
}

TEST(EmulatedGemmSm90, RunsOnHopperWhereTheProductFits) {
  const GemmSpec fits = spec_of(64, 64, 64, DType::kBF16, DType::kBF16);
  EXPECT_EQ(kernel_of(fits, 90), "gemm_sm90");
  EXPECT_EQ(kernel_of(fits, 80), "gemm_bf16");
  EXPECT_EQ(kernel_of(fits, 100), "gemm_bf16");  // what is for sm_90a runs nowhere else
  GemmSpec odd = fits, narrow = fits;
  odd.lda = 67;  // rows that begin anywhere
  narrow.n = 56;
  EXPECT_EQ(kernel_of(odd, 90), "gemm_bf16");
  EXPECT_EQ(kernel_of(narrow, 90), "gemm_bf16");
}

}  // namespace
}  // namespace weft::emulator::testing
