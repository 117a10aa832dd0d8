#include "naive_attention.h"

#include <cmath>
#include <limits>

namespace weft::kernels::testing {
namespace {

// What dropout multiplies a probability with.
double dropout_factor(const AttentionDropout& dropout, const AttentionShape& s,
                      const AttentionPlace& at) {
  if (dropout.p == 0.0f) return 1.0;
  const float uniform = uniform_from(attention_dropout_word(dropout, s, at));
  return uniform >= dropout.p ? 1.0 / (1.0 - static_cast<double>(dropout.p)) : 0.0;
}

bool sees(const AttentionShape& s, const AttentionMask& mask, int64_t b, int64_t t, int64_t key) {
  const int64_t self = t + s.S - s.T;
  if (mask.causal && key > self) return false;
  if (mask.window > 0 && key <= self - mask.window) return false;
  if (mask.range_BT2 == nullptr) return true;
  const int32_t* range = mask.range_BT2 + 2 * (b * s.T + t);
  return key >= range[0] && key < range[1];
}

double dot(const double* a, const double* b, int64_t n) {
  double sum = 0;
  for (int64_t d = 0; d < n; ++d) sum += a[d] * b[d];
  return sum;
}

// to += factor x
void add(double* to, double factor, const double* x, int64_t n) {
  for (int64_t d = 0; d < n; ++d) to[d] += factor * x[d];
}

double largest_of(const double* x, int64_t n) {
  double largest = 0;
  for (int64_t d = 0; d < n; ++d) largest = std::fmax(largest, std::abs(x[d]));
  return largest;
}

}  // namespace

size_t NaiveAttention::query(int64_t b, int64_t t, int64_t h) const {
  return static_cast<size_t>(((b * s.T + t) * s.H + h) * s.D);
}

size_t NaiveAttention::key(int64_t b, int64_t j, int64_t h) const {
  return static_cast<size_t>(((b * s.S + j) * s.K + h / (s.H / s.K)) * s.D);
}

void NaiveAttention::run() {
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

void NaiveAttention::run_query(int64_t b, int64_t h, int64_t t) {
  const double* row = &q[query(b, t, h)];
  std::vector<double> p(static_cast<size_t>(s.S), 0);
  double largest = -std::numeric_limits<double>::infinity(), total = 0;
  for (int64_t j = 0; j < s.S; ++j) {
    if (!sees(s, mask, b, t, j)) continue;
    p[static_cast<size_t>(j)] = scale * dot(row, &k[key(b, j, h)], s.D);
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

void NaiveAttention::add_outputs(int64_t b, int64_t h, int64_t t, const std::vector<double>& p) {
  for (int64_t j = 0; j < s.S; ++j) {
    const double weight = p[static_cast<size_t>(j)] * dropout_factor(dropout, s, {b, h, t, j});
    add(&out[query(b, t, h)], weight, &v[key(b, j, h)], s.D);
  }
}

void NaiveAttention::add_gradients(int64_t b, int64_t h, int64_t t, const std::vector<double>& p) {
  const size_t i = query(b, t, h);
  const double delta = dot(&dout[i], &out[i], s.D), largest_query = largest_of(&q[i], s.D);
  for (int64_t j = 0; j < s.S; ++j) {
    const size_t at = key(b, j, h);
    const double factor = dropout_factor(dropout, s, {b, h, t, j});
    const double weight = p[static_cast<size_t>(j)], dp = factor * dot(&dout[i], &v[at], s.D);
    const double ds = scale * weight * (dp - delta);
    const double size = scale * weight * (std::abs(dp) + std::abs(delta));
    largest_q = std::fmax(largest_q, size * largest_of(&k[at], s.D));
    largest_k = std::fmax(largest_k, size * largest_query);
    add(&dv[at], weight * factor, &dout[i], s.D);
    add(&dq[i], ds, &k[at], s.D);
    add(&dk[at], ds, &q[i], s.D);
  }
}

}  // namespace weft::kernels::testing
