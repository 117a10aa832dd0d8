// Sums on a GPU: the functions of reduction.h, with orders of sums that the shape alone fixes.
// Launched on a stream; nothing waits.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/reduction/reduction.h"

namespace weft::kernels {

void sum_last(cuda::Stream stream, const SumLast<float>& args);
void sum_last(cuda::Stream stream, const SumLast<BFloat16>& args);

// Blocks that sum parts: 8 for each of an H200's 132 multiprocessors at most.
constexpr int64_t sum_all_blocks(int64_t n) {
  constexpr int64_t kShare = 4096, kMost = 1024;
  const int64_t wanted = (n + kShare - 1) / kShare;
  return wanted < 1 ? 1 : wanted < kMost ? wanted : kMost;
}
// Bytes of SumAll::workspace on a GPU.
constexpr int64_t sum_all_workspace_cuda(int64_t n) {
  return sum_all_blocks(n) * static_cast<int64_t>(sizeof(double));
}
void sum_all(cuda::Stream stream, const SumAll<float>& args);
void sum_all(cuda::Stream stream, const SumAll<BFloat16>& args);

// Parts into which rows are cut, each a sum of its own: enough blocks for an H200 with C = 768.
constexpr int64_t sum_rows_parts(int64_t N) {
  constexpr int64_t kLeastRows = 64, kMost = 64;
  const int64_t wanted = (N + kLeastRows - 1) / kLeastRows;
  return wanted < 1 ? 1 : wanted < kMost ? wanted : kMost;
}
// Bytes of SumRows::workspace on a GPU.
constexpr int64_t sum_rows_workspace_cuda(int64_t N, int64_t C) {
  return sum_rows_parts(N) * C * static_cast<int64_t>(sizeof(float));
}
void sum_rows(cuda::Stream stream, const SumRows<float>& args);
void sum_rows(cuda::Stream stream, const SumRows<BFloat16>& args);

void expand_last(cuda::Stream stream, const ExpandLast<float>& args);
void expand_last(cuda::Stream stream, const ExpandLast<BFloat16>& args);

}  // namespace weft::kernels
