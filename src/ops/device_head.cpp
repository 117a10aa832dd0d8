#include "ops/device_head.h"

#include <algorithm>

#include "kernels/cross_entropy/cross_entropy_cuda.h"
#include "ops/gemm_state.h"
#include "ops/kernel_call.h"

namespace weft::ops {
namespace {

using kernels::ChunkedHeadSpec;

constexpr int64_t kAlignment = 64;  // of the losses, behind the logits

int64_t logits_bytes(const ChunkedHeadSpec& s) {
  const int64_t bytes = kernels::chunk_rows(s) * kernels::chunk_row_stride(s) *
                        static_cast<int64_t>(size_of(s.dtype));
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

int64_t DeviceHead::workspace(const ChunkedHeadSpec& spec) {
  return logits_bytes(spec) + spec.N * static_cast<int64_t>(sizeof(double));
}

double* DeviceHead::losses() const {
  return reinterpret_cast<double*>(call_.workspace + logits_bytes(spec_));
}

template <class T>
void DeviceHead::run_chunk(int64_t first, int64_t rows, const float* accumulate) const {
  T* logits = reinterpret_cast<T*>(call_.workspace);
  const T* x = static_cast<const T*>(args_.x_NC) + first * spec_.C;
  launch_gemm(call_, kernels::chunk_logits_spec(spec_, rows),
              {.a = x, .b = args_.weight_VC, .c = logits});
  const bool gradients = spec_.input_gradient || spec_.weight_gradient;
  kernels::cross_entropy_rows(
      weft::cuda::Stream{call_.device->stream},
      kernels::CrossEntropyRows<T>{.logits_NS = logits,
                                   .labels_N = args_.labels_N + first,
                                   .dlogits_NS = gradients ? logits : nullptr,
                                   .loss_N = losses() + first,
                                   .scale = args_.scale,
                                   .N = rows,
                                   .V = spec_.V,
                                   .S = kernels::chunk_row_stride(spec_),
                                   .label_smoothing = args_.label_smoothing,
                                   .z_loss = args_.z_loss,
                                   .ignore_index = args_.ignore_index});
  if (spec_.input_gradient)
    launch_gemm(
        call_, kernels::chunk_input_gradient_spec(spec_, rows),
        {.a = logits, .b = args_.weight_VC, .c = static_cast<T*>(args_.dx_NC) + first * spec_.C});
  if (spec_.weight_gradient)
    launch_gemm(call_, kernels::chunk_weight_gradient_spec(spec_, rows),
                {.a = logits,
                 .b = x,
                 .c = args_.dweight_VC,
                 .accumulate = first > 0,
                 .accumulate_flag = accumulate});
}

void DeviceHead::run(const float* accumulate) const {
  const int64_t most = kernels::chunk_rows(spec_);
  for (int64_t first = 0; first < spec_.N; first += most)
    with_element_type(spec_.dtype, [&](auto element) {
      run_chunk<decltype(element)>(first, std::min(most, spec_.N - first), accumulate);
    });
  kernels::sum_of_losses(weft::cuda::Stream{call_.device->stream},
                         {.loss_N = losses(), .loss = args_.loss, .N = spec_.N});
}

}  // namespace weft::ops
