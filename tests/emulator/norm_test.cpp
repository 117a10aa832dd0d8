// LayerNorm and RMSNorm for GPUs, emulated: against the CPU's kernels, in every order of threads.
#include "kernels/norm/norm_cuda.h"

#include "emulated.h"
#include "tests/kernels_rows/helpers.h"

namespace weft::emulator::testing {
namespace {

using kernels::testing::ElementTypes;
using kernels::testing::expect_close;
using kernels::testing::random_values;
using kernels::testing::tolerance;

// One vector, a part of one, several threads' worth, more rows than tiles, several warps a row, a
// width that is no multiple of a vector, rows that a warp's lanes share unevenly.
struct Sizes {
  int64_t N, C;
};
constexpr Sizes kSizes[] = {{1, 1},  {2, 8},   {3, 7},    {3, 16},
                            {5, 40}, {2, 768}, {300, 24}, {2, 1033}};

template <class T>
struct Case {
  bool centered, residual, accumulate;
  Sizes s;
};

// The results of a forward and a backward pass.
template <class T>
struct Outputs {
  explicit Outputs(Sizes s)
      : sum(s.N * s.C, "sum"),
        y(s.N * s.C, "y"),
        dx(s.N * s.C, "dx"),
        mean(s.N, "mean"),
        rstd(s.N, "rstd"),
        dscale(random_values<float>(s.C, 8), "dscale"),
        dbias(random_values<float>(s.C, 9), "dbias") {}
  DeviceArray<T> sum, y, dx;
  DeviceArray<float> mean, rstd, dscale, dbias;
  std::string bits() const {
    return sum.bits() + y.bits() + dx.bits() + mean.bits() + rstd.bits() + dscale.bits() +
           dbias.bits();
  }
};

template <class T>
struct Inputs {
  explicit Inputs(Sizes s)
      : x(random_values<T>(s.N * s.C, 1), "x"),
        r(random_values<T>(s.N * s.C, 2), "residual"),
        dy(random_values<T>(s.N * s.C, 3), "dy"),
        dsum(random_values<T>(s.N * s.C, 4), "dsum"),
        scale(random_values<float>(s.C, 5), "scale"),
        bias(random_values<float>(s.C, 6), "bias"),
        accumulate(std::vector<float>{1.0f}, "accumulate") {}
  DeviceArray<T> x, r, dy, dsum;
  DeviceArray<float> scale, bias, accumulate;
};

template <class T>
kernels::NormForward<T> forward_of(const Case<T>& c, Inputs<T>& in, Outputs<T>& out) {
  return {.x_NC = in.x.data(),
          .residual_NC = c.residual ? in.r.data() : nullptr,
          .scale_C = in.scale.data(),
          .bias_C = c.centered ? in.bias.data() : nullptr,
          .sum_NC = c.residual ? out.sum.data() : nullptr,
          .y_NC = out.y.data(),
          .mean_N = c.centered ? out.mean.data() : nullptr,
          .rstd_N = out.rstd.data(),
          .N = c.s.N,
          .C = c.s.C,
          .eps = 1e-5f};
}

template <class T>
kernels::NormBackward<T> backward_of(const Case<T>& c, Inputs<T>& in, Outputs<T>& out,
                                     float* workspace) {
  return {.dy_NC = in.dy.data(),
          .x_NC = c.residual ? out.sum.data() : in.x.data(),
          .scale_C = in.scale.data(),
          .mean_N = c.centered ? out.mean.data() : nullptr,
          .rstd_N = out.rstd.data(),
          .dsum_NC = c.residual ? in.dsum.data() : nullptr,
          .dx_NC = out.dx.data(),
          .dscale_C = out.dscale.data(),
          .dbias_C = c.centered ? out.dbias.data() : nullptr,
          .accumulate_dscale = c.accumulate ? in.accumulate.data() : nullptr,
          .accumulate_dbias = c.accumulate ? in.accumulate.data() : nullptr,
          .workspace = workspace,
          .N = c.s.N,
          .C = c.s.C};
}

// `where` is a stream, or the CPU's ParallelFor.
template <class T, class Forward, class Backward>
void run(const Case<T>& c, Outputs<T>& out, Forward forward, Backward backward) {
  Inputs<T> in(c.s);
  DeviceArray<float> workspace(std::max(kernels::norm_backward_workspace_cuda(c.s.N, c.s.C),
                                        kernels::norm_backward_workspace(c.s.N, c.s.C)) /
                                   4,
                               "workspace");
  forward(forward_of(c, in, out));
  backward(backward_of(c, in, out, workspace.data()));
}

template <class T>
void run_emulated(const Case<T>& c, Outputs<T>& out) {
  const cuda::Stream stream;
  run(
      c, out,
      [&](const auto& a) {
        c.centered ? layer_norm_forward(stream, a) : rms_norm_forward(stream, a);
      },
      [&](const auto& a) {
        c.centered ? layer_norm_backward(stream, a) : rms_norm_backward(stream, a);
      });
}

template <class T>
void run_on_cpu(const Case<T>& c, Outputs<T>& out) {
  const SerialFor serial;
  run(
      c, out,
      [&](const auto& a) {
        c.centered ? layer_norm_forward(a, serial) : rms_norm_forward(a, serial);
      },
      [&](const auto& a) {
        c.centered ? layer_norm_backward(a, serial) : rms_norm_backward(a, serial);
      });
}

template <class T>
std::vector<double> as_doubles(const DeviceArray<T>& array) {
  std::vector<double> values;
  for (const T v : array.values()) values.push_back(kernels::testing::as_double(v));
  return values;
}

template <class T>
void expect_matches_cpu(const Case<T>& c) {
  Outputs<T> mine(c.s), cpu(c.s);
  run_emulated(c, mine);
  run_on_cpu(c, cpu);
  double amplify = 1;  // statistics of a row whose elements are close amplify rounding errors
  for (const float r : cpu.rstd.values()) amplify = std::max(amplify, static_cast<double>(r));
  const auto close = [&](const auto& got, const auto& want, double allowed, const char* what) {
    expect_close(got.values(), as_doubles(want), allowed * amplify, what, 1.0);
  };
  EXPECT_TRUE(!c.residual || mine.sum.bits() == cpu.sum.bits());
  if (c.centered) close(mine.mean, cpu.mean, tolerance<float>(c.s.C), "mean");
  close(mine.rstd, cpu.rstd, tolerance<float>(c.s.C), "rstd");
  close(mine.y, cpu.y, tolerance<T>(c.s.C), "y");
  close(mine.dx, cpu.dx, tolerance<T>(c.s.C), "dx");
  close(mine.dscale, cpu.dscale, tolerance<float>(c.s.N), "dscale");
  close(mine.dbias, cpu.dbias, tolerance<float>(c.s.N), "dbias");
}

template <class T>
class EmulatedNorm : public ::testing::Test {};
TYPED_TEST_SUITE(EmulatedNorm, ElementTypes);

TYPED_TEST(EmulatedNorm, MatchesTheCpu) {
  for (const Sizes s : kSizes) {
    for (const bool centered : {true, false}) {
      SCOPED_TRACE(std::to_string(s.N) + " x " + std::to_string(s.C));
      expect_matches_cpu(Case<TypeParam>{centered, s.N % 2 == 1, s.C % 2 == 0, s});
    }
  }
}

TYPED_TEST(EmulatedNorm, HasTheSameBitsInEveryOrder) {
  for (const Sizes s : {Sizes{3, 7}, Sizes{5, 40}, Sizes{2, 1032}}) {
    expect_same_bits_in_every_order([&] {
      Outputs<TypeParam> out(s);
      run_emulated(Case<TypeParam>{true, true, true, s}, out);
      return out.bits();
    });
  }
}

TEST(EmulatedNormThreads, HasNoRaceBetweenBlocks) {
  expect_same_bits_on_workers([] {
    Outputs<BFloat16> out({8, 520});
    run_emulated(Case<BFloat16>{true, true, true, {8, 520}}, out);
    return out.bits();
  });
}

TEST(EmulatedNorm, RefusesRowsThatSharedMemoryDoesNotHold) {
  const kernels::NormForward<float> wide{.N = 1, .C = 100'000};
  EXPECT_THROW(layer_norm_forward(cuda::Stream{}, wide), Error);
}

}  // namespace
}  // namespace weft::emulator::testing
