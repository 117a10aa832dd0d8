// Attention forward and backward against the naive computation in double: sizes around every block,
// masks, grouped heads, packed and separate layouts, dropout, both element types, and equal bits
// for every number of threads.
#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernel_testing.h"
#include "naive_attention.h"

namespace weft::kernels {
namespace {

using testing::Guarded;
using testing::NaiveAttention;
using testing::random_values;
using testing::SerialOrThreads;

struct Case {
  AttentionShape shape;
  bool causal = true;
  int64_t window = 0;
  std::vector<int32_t> range = {};  // [B, T, 2], or empty
  float dropout = 0.0f;
  int threads = 1;
};

std::string describe(const Case& c) {
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
    Guarded<unsigned char> scratch(attention_forward_workspace(s, c.threads));
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
    Guarded<unsigned char> scratch_back(attention_backward_workspace(s, c.threads));
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
  for (const T value : values) result.push_back(testing::as_double(value));
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
  const double unit = testing::unit_roundoff<T>();
  const double bound = largest * (16 * 0x1p-24 * std::sqrt(scale.terms) + 4 * unit) + 1e-30;
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(testing::as_double(actual[i]) - expected[i]);
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

void check_types(const Case& c) {
  check<float>(c);
  check<BFloat16>(c);
}

TEST(Attention, OneToken) {
  check_types({.shape = {.D = 1}});
  check_types({.shape = {.B = 2, .H = 3, .K = 3, .D = 5}});
}

TEST(Attention, LengthsAroundTheBlocks) {
  for (const int64_t t : {2, 5, 6, 7, 15, 17, 63, 64, 65, 95, 96, 97, 129, 200}) {
    for (const bool causal : {true, false}) {
      check_types({.shape = {.B = 1, .T = t, .S = t, .H = 2, .K = 2, .D = 8}, .causal = causal});
    }
  }
}

TEST(Attention, HeadWidths) {
  for (const int64_t d : {1, 3, 16, 20, 64, 80, 96, 128, 256}) {
    check_types({.shape = {.B = 2, .T = 70, .S = 70, .H = 2, .K = 1, .D = d}});
  }
}

TEST(Attention, GroupedHeads) {
  for (const int64_t heads : {2, 6}) {
    for (const int64_t kv_heads : {1, 2}) {
      check_types({.shape = {.B = 2, .T = 67, .S = 67, .H = heads, .K = kv_heads, .D = 16}});
    }
  }
}

TEST(Attention, SlidingWindow) {
  for (const int64_t window : {1, 2, 7, 64, 65, 100, 1000}) {
    check_types({.shape = {.B = 1, .T = 150, .S = 150, .H = 2, .K = 1, .D = 16}, .window = window});
  }
}

TEST(Attention, FewerOrMoreQueriesThanKeys) {
  for (const bool causal : {true, false}) {
    check_types({.shape = {.B = 2, .T = 3, .S = 130, .H = 2, .K = 1, .D = 16}, .causal = causal});
    check_types({.shape = {.B = 2, .T = 70, .S = 9, .H = 2, .K = 2, .D = 16}, .causal = causal});
  }
}

// Documents of odd lengths in one row, as packing makes them.
std::vector<int32_t> documents(int64_t B, int64_t T) {
  std::vector<int32_t> range;
  for (int64_t b = 0; b < B; ++b) {
    for (int64_t t = 0; t < T; ++t) {
      const int64_t length = 23 + 41 * b, begin = t / length * length;
      range.push_back(static_cast<int32_t>(begin));
      range.push_back(static_cast<int32_t>(std::min(T, begin + length)));
    }
  }
  return range;
}

TEST(Attention, Documents) {
  for (const bool causal : {true, false}) {
    check_types({.shape = {.B = 3, .T = 140, .S = 140, .H = 2, .K = 1, .D = 16},
                 .causal = causal,
                 .range = documents(3, 140)});
    check_types({.shape = {.B = 2, .T = 140, .S = 140, .H = 2, .K = 1, .D = 16},
                 .causal = causal,
                 .window = 11,
                 .range = documents(2, 140)});
  }
}

TEST(Attention, RangesInNoOrder) {
  std::vector<int32_t> range;
  for (uint64_t i = 0; i < 2 * 111; ++i) {
    const PhiloxBlock words = philox(3, i);
    range.push_back(static_cast<int32_t>(words[0] % 160) - 30);
    range.push_back(static_cast<int32_t>(words[1] % 160) - 10);
  }
  check_types({.shape = {.B = 2, .T = 111, .S = 111, .H = 3, .K = 1, .D = 24},
               .causal = false,
               .range = range});
}

TEST(Attention, QueriesThatSeeNothing) {
  std::vector<int32_t> range(2 * 100, 0);
  check_types({.shape = {.B = 1, .T = 100, .S = 100, .H = 1, .K = 1, .D = 8}, .range = range});
  for (size_t t = 70; t < 100; ++t) range[2 * t + 1] = 2000000000;
  check_types({.shape = {.B = 1, .T = 100, .S = 100, .H = 1, .K = 1, .D = 8}, .range = range});
}

TEST(Attention, Dropout) {
  for (const int64_t t : {3, 64, 100, 131}) {
    check_types({.shape = {.B = 2, .T = t, .S = t, .H = 4, .K = 2, .D = 16}, .dropout = 0.3f});
  }
  check_types({.shape = {.B = 2, .T = 70, .S = 70, .H = 1, .K = 1, .D = 8},
               .causal = false,
               .dropout = 0.9f});
}

// Many keys and few heads: the backward pass cuts the keys into parts.
TEST(Attention, BackwardInParts) {
  check<float>({.shape = {.B = 1, .T = 600, .S = 600, .H = 2, .K = 1, .D = 8}});
  check<BFloat16>({.shape = {.B = 1, .T = 100, .S = 900, .H = 1, .K = 1, .D = 8}, .causal = false});
}

// More pairs of sample and head than one round takes.
TEST(Attention, ForwardInRounds) {
  check<float>({.shape = {.B = 50, .T = 4, .S = 4, .H = 3, .K = 3, .D = 4}});
}

TEST(Attention, LargeScoresDoNotOverflow) {
  const AttentionShape s{.B = 1, .T = 80, .S = 80, .H = 1, .K = 1, .D = 4};
  std::vector<float> q(80 * 4, 60.0f), k(80 * 4), v(80 * 4), out(80 * 4), lse(80);
  for (size_t i = 0; i < k.size(); ++i) {
    k[i] = static_cast<float>(i / 4);
    v[i] = static_cast<float>(i);
  }
  AttentionForward<float> f{.shape = s, .mask = {.causal = true}, .scale = 1.0f};
  f.q = {q.data(), 320, 4};
  f.k = {k.data(), 320, 4};
  f.v = {v.data(), 320, 4};
  f.out = {out.data(), 320, 4};
  f.lse_BHT = lse.data();
  Guarded<unsigned char> scratch(attention_forward_workspace(s, 1));
  attention_forward(f, scratch.data(), SerialFor());
  for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], v[i]);  // each sees the last key only
  for (size_t t = 0; t < 80; ++t) EXPECT_FLOAT_EQ(lse[t], 240.0f * static_cast<float>(t));
}

TEST(Attention, NanStaysWithItsQuery) {
  const AttentionShape s{.B = 1, .T = 70, .S = 70, .H = 1, .K = 1, .D = 4};
  std::vector<float> q(70 * 4, 0.5f), k(70 * 4, 0.25f), v(70 * 4, 1.0f), out(70 * 4);
  q[33 * 4] = std::nanf("");
  AttentionForward<float> f{.shape = s, .mask = {.causal = true}, .scale = 1.0f};
  f.q = {q.data(), 280, 4};
  f.k = {k.data(), 280, 4};
  f.v = {v.data(), 280, 4};
  f.out = {out.data(), 280, 4};
  Guarded<unsigned char> scratch(attention_forward_workspace(s, 1));
  attention_forward(f, scratch.data(), SerialFor());
  for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i / 4 == 33) << i;
}

template <class T>
void expect_same_bits_for_threads(Case c) {
  const Run<T> one(c);
  for (const int threads : {2, 3}) {
    c.threads = threads;
    const Run<T> other(c);
    EXPECT_TRUE(testing::same_bits(one.out, other.out) && testing::same_bits(one.lse, other.lse));
    EXPECT_TRUE(testing::same_bits(one.dq, other.dq) && testing::same_bits(one.dk, other.dk) &&
                testing::same_bits(one.dv, other.dv));
  }
}

TEST(Attention, SameBitsForEveryNumberOfThreads) {
  const Case c{.shape = {.B = 2, .T = 300, .S = 300, .H = 4, .K = 2, .D = 32}, .dropout = 0.1f};
  expect_same_bits_for_threads<float>(c);
  expect_same_bits_for_threads<BFloat16>(c);
}

}  // namespace
}  // namespace weft::kernels
