// RMSNorm of heads for GPUs, emulated: against the CPU's kernels, in every order of threads.
#include "emulated.h"
#include "kernels/norm/norm_cuda.h"
#include "tests/kernels_rows/helpers.h"

namespace weft::emulator::testing {
namespace {

using kernels::testing::as_double;
using kernels::testing::expect_close;
using kernels::testing::random_values;
using kernels::testing::tolerance;

// More heads than warps, a width that lanes share unevenly, more rows than tiles.
struct Sizes {
  int64_t N, H, K, D;
  int64_t elements() const { return N * (H + 2 * K) * D; }
};
constexpr Sizes kSizes[] = {{1, 1, 1, 1}, {3, 4, 2, 16}, {2, 5, 1, 40}, {270, 2, 1, 8}};

// One forward and one backward pass, whoever computes them.
template <class T>
struct Pass {
  Sizes s;
  DeviceArray<T> qkv, dout, out, dqkv;
  DeviceArray<float> q_scale, k_scale, rstd, dq_scale, dk_scale, accumulate, workspace;

  explicit Pass(Sizes sizes)
      : s(sizes),
        qkv(random_values<T>(s.elements(), 1), "qkv"),
        dout(random_values<T>(s.elements(), 2), "dout"),
        out(s.elements(), "out"),
        dqkv(s.elements(), "dqkv"),
        q_scale(random_values<float>(s.D, 3), "q_scale"),
        k_scale(random_values<float>(s.D, 4), "k_scale"),
        rstd(s.N * (s.H + s.K), "rstd"),
        dq_scale(random_values<float>(s.D, 5), "dq_scale"),
        dk_scale(random_values<float>(s.D, 6), "dk_scale"),
        accumulate(std::vector<float>{1.0f}, "accumulate"),
        workspace(std::max(kernels::head_norm_backward_workspace_cuda(s.N, s.D),
                           kernels::head_norm_backward_workspace(s.N, s.D)) /
                      4,
                  "workspace") {}

  // Either on the emulated device or on the CPU.
  template <class Forward, class Backward>
  void run(Forward forward, Backward backward) {
    forward(kernels::HeadNormForward<T>{.qkv_NW = qkv.data(),
                                        .q_scale_D = q_scale.data(),
                                        .k_scale_D = k_scale.data(),
                                        .out_NW = out.data(),
                                        .rstd_NG = rstd.data(),
                                        .N = s.N,
                                        .H = s.H,
                                        .K = s.K,
                                        .D = s.D});
    backward(kernels::HeadNormBackward<T>{.dout_NW = dout.data(),
                                          .qkv_NW = qkv.data(),
                                          .q_scale_D = q_scale.data(),
                                          .k_scale_D = k_scale.data(),
                                          .rstd_NG = rstd.data(),
                                          .dqkv_NW = dqkv.data(),
                                          .dq_scale_D = dq_scale.data(),
                                          .dk_scale_D = dk_scale.data(),
                                          .accumulate_dq_scale = accumulate.data(),
                                          .workspace = workspace.data(),
                                          .N = s.N,
                                          .H = s.H,
                                          .K = s.K,
                                          .D = s.D});
  }
  void run_emulated() {
    run([](const auto& a) { head_norm_forward(cuda::Stream{}, a); },
        [](const auto& a) { head_norm_backward(cuda::Stream{}, a); });
  }
  void run_on_cpu() {
    run([](const auto& a) { head_norm_forward(a, SerialFor()); },
        [](const auto& a) { head_norm_backward(a, SerialFor()); });
  }
  std::string bits() const {
    return out.bits() + dqkv.bits() + rstd.bits() + dq_scale.bits() + dk_scale.bits();
  }
};

template <class T>
void expect_near(const DeviceArray<T>& got, const DeviceArray<T>& want, double allowed,
                 const char* what) {
  std::vector<double> expected;
  for (const T v : want.values()) expected.push_back(as_double(v));
  expect_close(got.values(), expected, allowed, what, 1.0);
}

template <class T>
class EmulatedHeadNorm : public ::testing::Test {};
using ElementTypes = ::testing::Types<float, BFloat16>;
TYPED_TEST_SUITE(EmulatedHeadNorm, ElementTypes);

TYPED_TEST(EmulatedHeadNorm, MatchesTheCpu) {
  for (const Sizes s : kSizes) {
    SCOPED_TRACE(std::to_string(s.N) + " rows of heads of " + std::to_string(s.D));
    Pass<TypeParam> mine(s), cpu(s);
    mine.run_emulated();
    cpu.run_on_cpu();
    double amplify = 1;
    for (const float r : cpu.rstd.values()) amplify = std::max(amplify, static_cast<double>(r));
    expect_near(mine.out, cpu.out, amplify * tolerance<TypeParam>(s.D), "out");
    expect_near(mine.dqkv, cpu.dqkv, amplify * tolerance<TypeParam>(s.D), "dqkv");
    expect_near(mine.rstd, cpu.rstd, amplify * tolerance<float>(s.D), "rstd");
    expect_near(mine.dq_scale, cpu.dq_scale, amplify * tolerance<float>(s.N * s.H), "dq_scale");
    expect_near(mine.dk_scale, cpu.dk_scale, amplify * tolerance<float>(s.N * s.K), "dk_scale");
  }
}

TYPED_TEST(EmulatedHeadNorm, HasTheSameBitsInEveryOrder) {
  expect_same_bits_in_every_order([] {
    Pass<TypeParam> pass({5, 3, 2, 40});
    pass.run_emulated();
    return pass.bits();
  });
}

TEST(EmulatedHeadNormThreads, HasNoRaceBetweenBlocks) {
  expect_same_bits_on_workers([] {
    Pass<BFloat16> pass({6, 3, 2, 24});
    pass.run_emulated();
    return pass.bits();
  });
}

}  // namespace
}  // namespace weft::emulator::testing
