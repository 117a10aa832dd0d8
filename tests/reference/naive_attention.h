// Attention in double, with every probability in memory: what the kernels are compared with. It is
// compiled apart, because tests are compiled without optimization under sanitizers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/attention/attention.h"

namespace weft::kernels::testing {

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

  // Fills the results; gradients where there is a dout.
  void run();

 private:
  size_t query(int64_t b, int64_t t, int64_t h) const;
  size_t key(int64_t b, int64_t j, int64_t h) const;
  void run_query(int64_t b, int64_t h, int64_t t);
  void add_outputs(int64_t b, int64_t h, int64_t t, const std::vector<double>& p);
  void add_gradients(int64_t b, int64_t h, int64_t t, const std::vector<double>& p);
};

}  // namespace weft::kernels::testing
