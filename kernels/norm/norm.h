// LayerNorm and RMSNorm over the last axis, forward and backward, with the residual addition before
// the norm in the same pass; and RMSNorm on the query and key heads of a packed row (Qwen3).
//
//   LayerNorm  y = (x - mean) * rstd * scale + bias,  rstd = 1 / sqrt(mean((x - mean)^2) + eps)
//   RMSNorm    y = x * rstd * scale,                  rstd = 1 / sqrt(mean(x^2) + eps)
//
// N rows of width C. Elements are T (float or BFloat16), scales, statistics and their gradients
// float; arithmetic is in float, the variance in a second pass over the row. Rows are independent;
// gradients of scale and bias are summed per tile of rows and then in tile order.
// Sources: Ba, Kiros, Hinton, "Layer normalization", 2016; Zhang, Sennrich, 2019 (RMSNorm).
#pragma once

#include <cstdint>

#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

template <class T>
struct NormForward {
  const T* x_NC = nullptr;
  const T* residual_NC = nullptr;  // optional: x + residual is normalised, and written to sum_NC
  const float* scale_C = nullptr;  // optional: 1
  const float* bias_C = nullptr;   // optional: 0; not used by RMSNorm
  T* sum_NC = nullptr;             // with residual_NC only; may be x_NC or residual_NC
  T* y_NC = nullptr;               // may be x_NC where there is no residual
  float* mean_N = nullptr;         // LayerNorm only
  float* rstd_N = nullptr;
  int64_t N = 0, C = 0;
  float eps = 1e-5f;
};

void layer_norm_forward(const NormForward<float>& args, const ParallelFor& parallel);
void layer_norm_forward(const NormForward<BFloat16>& args, const ParallelFor& parallel);
void rms_norm_forward(const NormForward<float>& args, const ParallelFor& parallel);
void rms_norm_forward(const NormForward<BFloat16>& args, const ParallelFor& parallel);

template <class T>
struct NormBackward {
  const T* dy_NC = nullptr;
  const T* x_NC = nullptr;         // what was normalised (the sum, if there was a residual)
  const float* scale_C = nullptr;  // optional: 1
  const float* mean_N = nullptr;   // LayerNorm only
  const float* rstd_N = nullptr;
  const T* dsum_NC = nullptr;  // optional: gradient that reaches x besides this norm, added to dx
  T* dx_NC = nullptr;          // may be dy_NC or dsum_NC
  float* dscale_C = nullptr;   // optional
  float* dbias_C = nullptr;    // optional, LayerNorm only
  // Where these are given and not 0, dscale and dbias are added to.
  const float* accumulate_dscale = nullptr;
  const float* accumulate_dbias = nullptr;
  float* workspace = nullptr;  // norm_backward_workspace(N, C) bytes
  int64_t N = 0, C = 0;
};

int64_t norm_backward_workspace(int64_t N, int64_t C);
void layer_norm_backward(const NormBackward<float>& args, const ParallelFor& parallel);
void layer_norm_backward(const NormBackward<BFloat16>& args, const ParallelFor& parallel);
void rms_norm_backward(const NormBackward<float>& args, const ParallelFor& parallel);
void rms_norm_backward(const NormBackward<BFloat16>& args, const ParallelFor& parallel);

// RMSNorm of each query and key head of rows [H*D | K*D | K*D]; the values are copied.
template <class T>
struct HeadNormForward {
  const T* qkv_NW = nullptr;  // W = (H + 2 K) D
  const float* q_scale_D = nullptr;
  const float* k_scale_D = nullptr;
  T* out_NW = nullptr;       // may be qkv_NW
  float* rstd_NG = nullptr;  // G = H + K
  int64_t N = 0, H = 0, K = 0, D = 0;
  float eps = 1e-6f;
};

void head_norm_forward(const HeadNormForward<float>& args, const ParallelFor& parallel);
void head_norm_forward(const HeadNormForward<BFloat16>& args, const ParallelFor& parallel);

template <class T>
struct HeadNormBackward {
  const T* dout_NW = nullptr;
  const T* qkv_NW = nullptr;
  const float* q_scale_D = nullptr;
  const float* k_scale_D = nullptr;
  const float* rstd_NG = nullptr;
  T* dqkv_NW = nullptr;  // may be dout_NW
  float* dq_scale_D = nullptr;
  float* dk_scale_D = nullptr;
  const float* accumulate_dq_scale = nullptr;
  const float* accumulate_dk_scale = nullptr;
  float* workspace = nullptr;  // head_norm_backward_workspace(N, D) bytes
  int64_t N = 0, H = 0, K = 0, D = 0;
};

int64_t head_norm_backward_workspace(int64_t N, int64_t D);
void head_norm_backward(const HeadNormBackward<float>& args, const ParallelFor& parallel);
void head_norm_backward(const HeadNormBackward<BFloat16>& args, const ParallelFor& parallel);

}  // namespace weft::kernels
