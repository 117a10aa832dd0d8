// Attention in double, with every probability in memory: what the kernels are compared with.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernel_testing.h"
#include "kernels/attention/attention.h"

namespace weft::kernels::testing {

// What dropout multiplies a probability with.
inline double dropout_factor(const AttentionDropout& dropout, const AttentionShape& s,
                             const AttentionPlace& at) {
  if (dropout.p == 0.0f) return 1.0;
  const float uniform = uniform_from(attention_dropout_word(dropout, s, at));
  return uniform >= dropout.p ? 1.0 / (1.0 - static_cast<double>(dropout.p)) : 0.0;
}

inline bool sees(const AttentionShape& s, const AttentionMask& mask, int64_t b, int64_t t,
                 int64_t key) {
  const int64_t self = t + s.S - s.T;
  if (mask.causal && key > self) return false;
  if (mask.window > 0 && key <= self - mask.window) return false;
  if (mask.range_BT2 == nullptr) return true;
  const int32_t* range = mask.range_BT2 + 2 * (b * s.T + t);
  return key >= range[0] && key < range[1];
}

// Inputs as doubles, dense: q and out [B, T, H, D], k and v [B, S, K, D].
struct NaiveAttention {
  AttentionShape s;
  AttentionMask mask;
  AttentionDropout dropout;
  double scale = 1.0;
  std::vector<double> q, k, v, dout;
  std::vector<double> out, lse, dq, dk, dv;
  // Largest gradients of a score before dP - delta cancels: the scale of rounding errors.
  double largest_q = 0, largest_k = 0;

  size_t query(int64_t b, int64_t t, int64_t h) const {
    return static_cast<size_t>(((b * s.T + t) * s.H + h) * s.D);
  }
  size_t key(int64_t b, int64_t j, int64_t h) const {
    return static_cast<size_t>(((b * s.S + j) * s.K + h / (s.H / s.K)) * s.D);
  }
  double dot(const std::vector<double>& a, size_t i, const std::vector<double>& b, size_t j) const {
    double sum = 0;
    for (size_t d = 0; d < static_cast<size_t>(s.D); ++d) sum += a[i + d] * b[j + d];
    return sum;
  }

  void run() {
    out.assign(q.size(), 0);
    dq.assign(q.size(), 0);
    dk.assign(k.size(), 0);
    dv.assign(k.size(), 0);
    lse.assign(static_cast<size_t>(s.B * s.H * s.T), 0);
    for (int64_t b = 0; b < s.B; ++b) {
      for (int64_t h = 0; h < s.H; ++h) {
        for (int64_t t = 0; t < s.T; ++t) run_query(b, h, t);
      }
    }
  }

  void run_query(int64_t b, int64_t h, int64_t t) {
    const size_t i = query(b, t, h), n = static_cast<size_t>(s.S);
    std::vector<double> p(n, 0);
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    for (int64_t j = 0; j < s.S; ++j) {
      if (!sees(s, mask, b, t, j)) continue;
      p[static_cast<size_t>(j)] = scale * dot(q, i, k, key(b, j, h));
      largest = std::fmax(largest, p[static_cast<size_t>(j)]);
    }
    for (int64_t j = 0; j < s.S; ++j) {
      double& e = p[static_cast<size_t>(j)];
      e = sees(s, mask, b, t, j) ? std::exp(e - largest) : 0.0;
      total += e;
    }
    lse[static_cast<size_t>((b * s.H + h) * s.T + t)] = largest + std::log(total);
    if (total == 0) return;
    for (double& e : p) e /= total;
    add_outputs(b, h, t, p);
    if (!dout.empty()) add_gradients(b, h, t, p);
  }

  void add_outputs(int64_t b, int64_t h, int64_t t, const std::vector<double>& p) {
    for (int64_t j = 0; j < s.S; ++j) {
      const double weight = p[static_cast<size_t>(j)] * dropout_factor(dropout, s, {b, h, t, j});
      for (size_t d = 0; d < static_cast<size_t>(s.D); ++d) {
        out[query(b, t, h) + d] += weight * v[key(b, j, h) + d];
      }
    }
  }

  void add_gradients(int64_t b, int64_t h, int64_t t, const std::vector<double>& p) {
    const size_t i = query(b, t, h);
    const double delta = dot(dout, i, out, i);
    for (int64_t j = 0; j < s.S; ++j) {
      const size_t at = key(b, j, h);
      const double factor = dropout_factor(dropout, s, {b, h, t, j});
      const double weight = p[static_cast<size_t>(j)];
      const double ds = scale * weight * (factor * dot(dout, i, v, at) - delta);
      const double size =
          scale * weight * (factor * std::abs(dot(dout, i, v, at)) + std::abs(delta));
      for (size_t d = 0; d < static_cast<size_t>(s.D); ++d) {
        largest_q = std::fmax(largest_q, size * std::abs(k[at + d]));
        largest_k = std::fmax(largest_k, size * std::abs(q[i + d]));
        dv[at + d] += weight * factor * dout[i + d];
        dq[i + d] += ds * k[at + d];
        dk[at + d] += ds * q[i + d];
      }
    }
  }
};

}  // namespace weft::kernels::testing
