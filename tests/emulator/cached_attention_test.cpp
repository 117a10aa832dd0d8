// Attention over caches for GPUs, emulated: against the CPU's kernel, in every order of threads.
#include "emulated.h"
#include "kernels/attention/attention_cuda.h"
#include "tests/kernels_rows/helpers.h"

namespace weft::emulator::testing {
namespace {

using kernels::AttentionShape;
using kernels::testing::as_double;
using kernels::testing::expect_close;
using kernels::testing::random_values;
using kernels::testing::tolerance;

// One, a few and eight queries a head; heads of each width that has a kernel, and no multiple of a
// vector; keys at both sides of a block's 128. The last has too many queries for the special path.
constexpr AttentionShape kShapes[] = {{.B = 2, .T = 1, .S = 129, .H = 2, .K = 2, .D = 64},
                                      {.B = 1, .T = 1, .S = 128, .H = 3, .K = 1, .D = 20},
                                      {.B = 1, .T = 2, .S = 300, .H = 8, .K = 2, .D = 128},
                                      {.B = 1, .T = 1, .S = 9, .H = 5, .K = 1, .D = 200},
                                      {.B = 1, .T = 9, .S = 70, .H = 1, .K = 1, .D = 8}};

template <class T>
struct Pass {
  AttentionShape s;
  DeviceArray<T> q, k, v, out;
  DeviceArray<int32_t> range;

  explicit Pass(const AttentionShape& shape)
      : s(shape),
        q(random_values<T>(s.B * s.T * s.H * s.D, 1), "q"),
        k(random_values<T>(s.B * s.S * s.K * s.D, 2), "k"),
        v(random_values<T>(s.B * s.S * s.K * s.D, 3), "v"),
        out(s.B * s.T * s.H * s.D, "out"),
        range(ranges(shape), "range") {}

  // Query t sees all keys but the first t, up to the last but T - t - 1; the last sample's first
  // query sees nothing.
  static std::vector<int32_t> ranges(const AttentionShape& s) {
    std::vector<int32_t> result;
    for (int64_t i = 0; i < s.B * s.T; ++i) {
      const int64_t t = i % s.T, left = s.S - s.T + t + 1;
      result.push_back(static_cast<int32_t>(t));
      result.push_back(static_cast<int32_t>(s.B > 1 && i == (s.B - 1) * s.T ? 0 : left));
    }
    return result;
  }
  kernels::AttentionForward<T> args() {
    const int64_t row = s.K * s.D, queries = s.H * s.D;
    return {.shape = s,
            .mask = {.range_BT2 = range.data()},
            .scale = 0.2f,
            .q = {q.data(), s.T * queries, queries},
            .k = {k.data(), s.S * row, row},
            .v = {v.data(), s.S * row, row},
            .out = {out.data(), s.T * queries, queries}};
  }
  void run_emulated() {
    DeviceArray<uint8_t> workspace(kernels::cached_attention_workspace_cuda(s), "workspace");
    cached_attention(cuda::Stream{}, kernels::CachedAttentionOnDevice<T>{
                                         .args = args(), .workspace = workspace.data()});
  }
  void run_on_cpu() {
    std::vector<float> workspace(kernels::cached_attention_workspace(s, 1) / sizeof(float) + 16);
    cached_attention(args(), workspace.data(), SerialFor());
  }
};

template <class T>
class EmulatedCachedAttention : public ::testing::Test {};
using ElementTypes = ::testing::Types<float, BFloat16>;
TYPED_TEST_SUITE(EmulatedCachedAttention, ElementTypes);

TYPED_TEST(EmulatedCachedAttention, MatchesTheCpu) {
  for (const AttentionShape& s : kShapes) {
    SCOPED_TRACE(std::to_string(s.T) + " queries, " + std::to_string(s.S) + " keys of " +
                 std::to_string(s.D));
    Pass<TypeParam> mine(s), cpu(s);
    mine.run_emulated();
    cpu.run_on_cpu();
    std::vector<double> expected;
    for (const TypeParam y : cpu.out.values()) expected.push_back(as_double(y));
    // Both round the result; on tensor cores probabilities are rounded too.
    expect_close(mine.out.values(), expected, 2 * tolerance<TypeParam>(s.S), "out");
  }
}

TYPED_TEST(EmulatedCachedAttention, HasTheSameBitsInEveryOrder) {
  for (const AttentionShape& s : {kShapes[0], kShapes[2]})
    expect_same_bits_in_every_order([&s] {
      Pass<TypeParam> pass(s);
      pass.run_emulated();
      return pass.out.bits();
    });
}

TEST(EmulatedCachedAttentionThreads, HasNoRaceBetweenBlocks) {
  expect_same_bits_on_workers([] {
    Pass<BFloat16> pass(kShapes[0]);
    pass.run_emulated();
    return pass.out.bits();
  });
}

TEST(EmulatedCachedAttentionErrors, HeadsThatAreTooWideAreRefused) {
  EXPECT_THROW(Pass<float>({.B = 1, .T = 1, .S = 1, .H = 1, .K = 1, .D = 264}).run_emulated(),
               Error);
}

}  // namespace
}  // namespace weft::emulator::testing
