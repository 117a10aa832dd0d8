// LayerNorm and RMSNorm on a GPU (norm.cu), and RMSNorm of heads (head_norm.cu): what norm.h says
// of the CPU's functions holds for these, but for the order of sums. Launched on a stream; nothing
// waits.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/norm/norm.h"

namespace weft::kernels {

// A row is parked in shared memory: throws weft::Error where C is larger than that holds (at least
// 28,000 elements forward, 14,000 backward).
void layer_norm_forward(cuda::Stream stream, const NormForward<float>& args);
void layer_norm_forward(cuda::Stream stream, const NormForward<BFloat16>& args);
void rms_norm_forward(cuda::Stream stream, const NormForward<float>& args);
void rms_norm_forward(cuda::Stream stream, const NormForward<BFloat16>& args);

// Blocks of the backward pass, each of which sums scales' gradients over its rows: at most two for
// each of an H200's 132 multiprocessors. A constant, so that sums do not depend on the device.
constexpr int64_t norm_backward_tiles(int64_t N) {
  return N < 264 ? N : 264;
}
// Bytes of NormBackward::workspace; enough for every shape up to N rows.
constexpr int64_t norm_backward_workspace_cuda(int64_t N, int64_t C) {
  return norm_backward_tiles(N) * 2 * C * static_cast<int64_t>(sizeof(float));
}
void layer_norm_backward(cuda::Stream stream, const NormBackward<float>& args);
void layer_norm_backward(cuda::Stream stream, const NormBackward<BFloat16>& args);
void rms_norm_backward(cuda::Stream stream, const NormBackward<float>& args);
void rms_norm_backward(cuda::Stream stream, const NormBackward<BFloat16>& args);

// RMSNorm of query and key heads, a warp a head.
void head_norm_forward(cuda::Stream stream, const HeadNormForward<float>& args);
void head_norm_forward(cuda::Stream stream, const HeadNormForward<BFloat16>& args);

// Bytes of HeadNormBackward::workspace.
constexpr int64_t head_norm_backward_workspace_cuda(int64_t N, int64_t D) {
  return norm_backward_workspace_cuda(N, D);
}
void head_norm_backward(cuda::Stream stream, const HeadNormBackward<float>& args);
void head_norm_backward(cuda::Stream stream, const HeadNormBackward<BFloat16>& args);

}  // namespace weft::kernels
