// Attention forward and backward against the naive computation in double, for one case: what the
// tests of attention share. The comparison is relative to the largest element.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/attention/attention.h"
#include "tests/kernels_gemm/kernel_testing.h"
#include "tests/reference/naive_attention.h"

namespace weft::kernels::testing {

struct Case {
  AttentionShape shape;
  bool causal = true;
  int64_t window = 0;
  std::vector<int32_t> range = {};  // [B, T, 2], or empty
  float dropout = 0.0f;
  int threads = 1;
};

inline std::string describe(const Case& c) {
  const AttentionShape& s = c.shape;
  std::string text;
  for (const int64_t n : {s.B, s.T, s.S, s.H, s.K, s.D}) text += std::to_string(n) + " ";
  return text + (c.causal ? "causal" : "full") + " window " + std::to_string(c.window) +
         (c.range.empty() ? "" : " ranges") + (c.dropout > 0 ? " dropout" : "");
}

// Queries, keys and values packed in rows where T = S, as projections are, else apart; gradients
// the same way. What lies between must stay untouched.
template <class T>
struct Run {
  const Case& c;
  AttentionShape s;
  size_t q_row, k_row;
  std::vector<T> q, k, v, dout;
  std::vector<T> out, dq, dk, dv;
  std::vector<float> lse;

  explicit Run(const Case& given) : c(given), s(given.shape) {
    q_row = static_cast<size_t>(s.H * s.D);
    k_row = static_cast<size_t>(s.K * s.D);
    const size_t queries = static_cast<size_t>(s.B * s.T), keys = static_cast<size_t>(s.B * s.S);
    q = random_values<T>(queries * q_row, 11);
    k = random_values<T>(keys * k_row, 12);
    v = random_values<T>(keys * k_row, 13);
    dout = random_values<T>(queries * q_row, 14);
    run();
  }

  AttentionMask mask() const {
    return {c.causal, c.window, c.range.empty() ? nullptr : c.range.data()};
  }
  AttentionDropout dropout() const { return {c.dropout, 77, 5}; }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(s.D)); }

  // Copies rows of heads into a wider row at `offset`, and back.
  static void place(const std::vector<T>& from, size_t row, Guarded<T>& to, size_t wide,
                    size_t offset) {
    for (size_t i = 0; i < from.size(); ++i) to[i / row * wide + offset + i % row] = from[i];
  }
  static std::vector<T> take(Guarded<T>& from, size_t count, size_t row, size_t wide,
                             size_t offset) {
    std::vector<T> to(count);
    for (size_t i = 0; i < count; ++i) to[i] = from[i / row * wide + offset + i % row];
    return to;
  }

  void run() {
    const bool packed = s.T == s.S;
    // Some room behind each row: strides are not sizes.
    const size_t gap = 3, wide = packed ? q_row + 2 * k_row + gap : q_row + gap;
    const size_t wide_k = packed ? wide : 2 * k_row + gap;
    const size_t k_at = packed ? q_row : 0;
    const size_t q_rows = static_cast<size_t>(s.B * s.T), k_rows = static_cast<size_t>(s.B * s.S);
    Guarded<T> in_q(q_rows * wide), in_kv(packed ? 0 : k_rows * wide_k);
    Guarded<T> grad_q(in_q.size()), grad_kv(in_kv.size());
    Guarded<T>& in_k = packed ? in_q : in_kv;
    Guarded<T>& grad_k = packed ? grad_q : grad_kv;
    place(q, q_row, in_q, wide, 0);
    place(k, k_row, in_k, wide_k, k_at);
    place(v, k_row, in_k, wide_k, k_at + k_row);
    Guarded<T> result(q_rows * q_row);
    Guarded<float> sums(static_cast<size_t>(s.B * s.H * s.T));
    const auto heads = [](auto* data, size_t rows, size_t row) {
      return HeadRows<std::remove_reference_t<decltype(*data)>>{
          data, static_cast<int64_t>(rows * row), static_cast<int64_t>(row)};
    };
    const size_t rows = static_cast<size_t>(s.T), keys = static_cast<size_t>(s.S);
    const auto constant = [](T* data) { return const_cast<const T*>(data); };
    AttentionForward<T> f{.shape = s, .mask = mask(), .dropout = dropout(), .scale = scale()};
    f.q = heads(constant(in_q.data()), rows, wide);
    f.k = heads(constant(in_k.data() + k_at), keys, wide_k);
    f.v = heads(constant(in_k.data() + k_at + k_row), keys, wide_k);
    f.out = heads(result.data(), rows, q_row);
    f.lse_BHT = sums.data();
    const SerialOrThreads parallel(c.threads);
    Guarded<unsigned char> scratch(attention_forward_workspace(s, c.threads, kDTypeOf<T>));
    attention_forward(f, scratch.data(), parallel.get());
    out = result.copy();
    lse = sums.copy();

    AttentionBackward<T> g{.shape = s,
                           .mask = mask(),
                           .dropout = dropout(),
                           .scale = scale(),
                           .q = f.q,
                           .k = f.k,
                           .v = f.v};
    g.out = heads(constant(result.data()), rows, q_row);
    g.dout = heads(constant(dout.data()), rows, q_row);
    g.lse_BHT = sums.data();
    g.dq = heads(grad_q.data(), rows, wide);
    g.dk = heads(grad_k.data() + k_at, keys, wide_k);
    g.dv = heads(grad_k.data() + k_at + k_row, keys, wide_k);
    Guarded<unsigned char> scratch_back(attention_backward_workspace(s, c.threads, kDTypeOf<T>));
    attention_backward(g, scratch_back.data(), parallel.get());
    dq = take(grad_q, q.size(), q_row, wide, 0);
    dk = take(grad_k, k.size(), k_row, wide_k, k_at);
    dv = take(grad_k, k.size(), k_row, wide_k, k_at + k_row);
    bool gaps = true;
    for (size_t i = 0; i < grad_q.size(); ++i) {
      if (i % wide >= wide - gap) gaps = gaps && grad_q.untouched(i);
    }
    for (size_t i = 0; i < grad_kv.size(); ++i) {
      if (i % wide_k >= wide_k - gap) gaps = gaps && grad_kv.untouched(i);
    }
    EXPECT_TRUE(gaps && result.guards_intact() && sums.guards_intact() && grad_q.guards_intact() &&
                grad_kv.guards_intact() && scratch.guards_intact() && scratch_back.guards_intact())
        << describe(c) << " wrote outside its outputs";
  }
};

template <class T>
std::vector<double> doubles(const std::vector<T>& values) {
  std::vector<double> result;
  result.reserve(values.size());
  for (const T value : values) result.push_back(as_double(value));
  return result;
}

// Errors relative to the largest element: sums of `terms` products in float, whose rounding errors
// are independent, and one rounding of the result to T. Backward also reads the rounded output,
// through delta.
struct Scale {
  double terms;
  double largest = 0;  // of intermediates that cancel
};

template <class T>
void expect_close(const std::string& what, const std::vector<T>& actual,
                  const std::vector<double>& expected, const Scale& scale) {
  double largest = scale.largest;
  for (const double e : expected) largest = std::fmax(largest, std::abs(e));
  const double unit = unit_roundoff<T>();
  const double bound = largest * (16 * 0x1p-24 * std::sqrt(scale.terms) + 4 * unit) + 1e-30;
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(as_double(actual[i]) - expected[i]);
    if (!(error <= worst)) {
      worst = error;
      at = i;
    }
  }
  EXPECT_LE(worst, bound) << what << " at " << at;
}

template <class T>
void check(const Case& c) {
  const Run<T> run(c);
  NaiveAttention naive{.s = c.shape,
                       .mask = run.mask(),
                       .dropout = run.dropout(),
                       .scale = static_cast<double>(run.scale())};
  naive.q = doubles(run.q);
  naive.k = doubles(run.k);
  naive.v = doubles(run.v);
  naive.dout = doubles(run.dout);
  naive.run();
  const double terms = static_cast<double>(c.shape.D + c.shape.S);
  const double back_terms = static_cast<double>(c.shape.D + c.shape.T * c.shape.H / c.shape.K);
  const std::string of = " of " + describe(c);
  expect_close("out" + of, run.out, naive.out, {terms});
  expect_close("dq" + of, run.dq, naive.dq, {terms, naive.largest_q});
  expect_close("dk" + of, run.dk, naive.dk, {back_terms, naive.largest_k});
  expect_close("dv" + of, run.dv, naive.dv, {back_terms});
  for (size_t i = 0; i < run.lse.size(); ++i) {
    const double actual = static_cast<double>(run.lse[i]);
    if (std::isinf(naive.lse[i])) {
      EXPECT_EQ(actual, naive.lse[i]);
    } else {
      EXPECT_LE(std::abs(actual - naive.lse[i]), 1e-5) << "lse[" << i << "] of " << describe(c);
    }
  }
}

}  // namespace weft::kernels::testing
