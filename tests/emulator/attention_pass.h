// What the tests of emulated attention share: inputs in rows with gaps, the passes over them, and
// the naive computation in double that they are compared with.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "emulated.h"
#include "kernels/attention/attention_cuda.h"
#include "tests/kernels_gemm/kernel_testing.h"
#include "tests/reference/naive_attention.h"

namespace weft::emulator::testing {

using kernels::AttentionBackward;
using kernels::AttentionForward;
using kernels::AttentionShape;
using kernels::HeadRows;
using kernels::testing::NaiveAttention;

struct AttentionCase {
  AttentionShape shape;
  bool causal = true;
  int64_t window = 0;
  std::vector<int32_t> range = {};
  float dropout = 0.0f;
  int64_t gap = 8;  // elements behind each row: 3 leaves no row but the first aligned
};

// Two documents a row, the second from two fifths on.
inline std::vector<int32_t> two_documents(const AttentionShape& s) {
  std::vector<int32_t> range;
  for (int64_t i = 0; i < s.B * s.T; ++i) {
    const auto cut = static_cast<int32_t>(2 * s.T / 5);
    const bool second = i % s.T >= cut;
    range.push_back(second ? cut : 0);
    range.push_back(second ? static_cast<int32_t>(s.S) : cut);
  }
  return range;
}

// Inputs in rows with gaps, and what the kernels gave.
template <class T>
struct AttentionPass {
  const AttentionCase& c;
  AttentionShape s;
  int64_t q_row, k_row;
  DeviceArray<int32_t> range;
  DeviceArray<T> q, k, v, dout, out, dq, dk, dv;
  DeviceArray<float> lse;
  kernels::AttentionRandom random = {};
  uint64_t dropout_key = 77, first_sample = 5;

  explicit AttentionPass(const AttentionCase& given)
      : c(given),
        s(given.shape),
        q_row(s.H * s.D + given.gap),
        k_row(s.K * s.D + given.gap),
        range(given.range, "range"),
        q(rows(s.B * s.T * q_row, 11), "q"),
        k(rows(s.B * s.S * k_row, 12), "k"),
        v(rows(s.B * s.S * k_row, 13), "v"),
        dout(rows(s.B * s.T * q_row, 14), "dout"),
        out(rows(s.B * s.T * q_row, 1), "out"),
        dq(rows(s.B * s.T * q_row, 2), "dq"),
        dk(rows(s.B * s.S * k_row, 3), "dk"),
        dv(rows(s.B * s.S * k_row, 4), "dv"),
        lse(s.B * s.H * s.T, "lse") {}

  static std::vector<T> rows(int64_t n, uint64_t seed) {
    return kernels::testing::random_values<T>(static_cast<size_t>(n), seed);
  }
  template <class Element>
  HeadRows<Element> queries(DeviceArray<T>& a) {
    return {a.data(), s.T * q_row, q_row};
  }
  template <class Element>
  HeadRows<Element> keys(DeviceArray<T>& a) {
    return {a.data(), s.S * k_row, k_row};
  }
  kernels::AttentionMask mask() {
    return {c.causal, c.window, c.range.empty() ? nullptr : range.data()};
  }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(s.D)); }

  void forward() {
    const AttentionForward<T> args{.shape = s,
                                   .mask = mask(),
                                   .dropout = {c.dropout, dropout_key, first_sample},
                                   .scale = scale(),
                                   .q = queries<const T>(q),
                                   .k = keys<const T>(k),
                                   .v = keys<const T>(v),
                                   .out = queries<T>(out),
                                   .lse_BHT = lse.data()};
    attention_forward(cuda::Stream{}, kernels::AttentionForwardOnDevice<T>{args, random});
  }
  // Needs forward().
  void backward() {
    DeviceArray<uint8_t> workspace(kernels::attention_backward_workspace_cuda(s), "workspace");
    const AttentionBackward<T> args{.shape = s,
                                    .mask = mask(),
                                    .dropout = {c.dropout, dropout_key, first_sample},
                                    .scale = scale(),
                                    .q = queries<const T>(q),
                                    .k = keys<const T>(k),
                                    .v = keys<const T>(v),
                                    .out = queries<const T>(out),
                                    .dout = queries<const T>(dout),
                                    .lse_BHT = lse.data(),
                                    .dq = queries<T>(dq),
                                    .dk = keys<T>(dk),
                                    .dv = keys<T>(dv)};
    attention_backward(cuda::Stream{},
                       kernels::AttentionBackwardOnDevice<T>{args, random, workspace.data()});
  }
  std::string bits() const { return out.bits() + lse.bits() + dq.bits() + dk.bits() + dv.bits(); }
};

// The elements of heads, without the gaps; and that the gaps were left alone.
template <class T>
std::vector<double> dense(const DeviceArray<T>& a, int64_t row, int64_t gap) {
  std::vector<double> values;
  int64_t i = 0;
  for (const T x : a.values()) {
    if (i++ % row < row - gap) values.push_back(static_cast<double>(static_cast<float>(x)));
  }
  return values;
}

template <class T>
NaiveAttention naive_of(AttentionPass<T>& r) {
  NaiveAttention n{r.s,
                   {r.c.causal, r.c.window, r.c.range.empty() ? nullptr : r.c.range.data()},
                   {r.c.dropout, r.dropout_key, r.first_sample},
                   static_cast<double>(r.scale()),
                   dense(r.q, r.q_row, r.c.gap),
                   dense(r.k, r.k_row, r.c.gap),
                   dense(r.v, r.k_row, r.c.gap),
                   dense(r.dout, r.q_row, r.c.gap)};
  n.run();
  return n;
}

inline void expect_near(const std::vector<double>& got, const std::vector<double>& want,
                        double allowed, const char* what, double size = 1e-6) {
  ASSERT_EQ(got.size(), want.size());
  for (const double w : want) size = std::max(size, std::abs(w));
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_LE(std::abs(got[i] - want[i]), allowed * size) << what << "[" << i << "]";
  }
}

// Probabilities and results are bfloat16: two roundings of 2^-9, and inputs are exact.
// Float errs by its sums alone.
template <class T>
inline constexpr double kError = std::is_same_v<T, float> ? 0x1p-17 : 0x1p-7;

template <class T>
void expect_forward_matches(const AttentionCase& c) {
  AttentionPass<T> r(c);
  const std::string around = r.out.bits();
  r.forward();
  const NaiveAttention n = naive_of(r);
  expect_near(dense(r.out, r.q_row, c.gap), n.out, kError<T>, "out");
  for (size_t i = 0; i < n.lse.size(); ++i) {
    const double got = static_cast<double>(r.lse.values()[i]);
    ASSERT_TRUE(got == n.lse[i] || std::abs(got - n.lse[i]) <= 1e-4) << "lse " << i << " " << got;
  }
  for (size_t i = 0; i < r.out.values().size(); ++i) {
    if (static_cast<int64_t>(i) % r.q_row < r.q_row - c.gap) continue;
    ASSERT_EQ(std::memcmp(&r.out.values()[i], around.data() + sizeof(T) * i, sizeof(T)), 0)
        << "gap " << i;
  }
}

// Gradients of scores cancel: errors are relative to the largest before they do.
template <class T>
void expect_backward_matches(const AttentionCase& c) {
  AttentionPass<T> r(c);
  r.forward();
  r.backward();
  const NaiveAttention n = naive_of(r);
  expect_near(dense(r.dq, r.q_row, c.gap), n.dq, kError<T>, "dq", n.largest_q);
  expect_near(dense(r.dk, r.k_row, c.gap), n.dk, kError<T>, "dk", n.largest_k);
  expect_near(dense(r.dv, r.k_row, c.gap), n.dv, kError<T>, "dv");
}

}  // namespace weft::emulator::testing
