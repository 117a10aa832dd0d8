#include "ops/vendor_attention.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "ops/kernel_chooser.h"
#include "ops/vendor_call.h"
#include "weft/kernel_choice.h"

namespace weft::ops {
namespace {

using device::Attention;
using device::AttentionArgs;
using device::Status;
using device::VendorApi;
using kernels::AttentionBackward;
using kernels::AttentionBackwardOnDevice;
using kernels::AttentionForward;
using kernels::AttentionForwardOnDevice;
using kernels::AttentionShape;
using kernels::HeadRows;

Attention attention_of(const AttentionShape& s) {
  return {.batch = s.B, .tokens = s.T, .heads = s.H, .kv_heads = s.K, .width = s.D};
}

template <class T>
bool are_packed(const HeadRows<T>& q, const HeadRows<T>& k, const HeadRows<T>& v,
                const AttentionShape& s) {
  const int64_t row = (s.H + 2 * s.K) * s.D;
  const auto lies = [&](const HeadRows<T>& part, int64_t offset) {
    return part.data == q.data + offset && part.row == row && part.batch == s.T * row;
  };
  return lies(q, 0) && lies(k, s.H * s.D) && lies(v, (s.H + s.K) * s.D);
}

template <class T>
bool is_dense(const HeadRows<T>& rows, const AttentionShape& s) {
  return rows.row == s.H * s.D && rows.batch == s.T * s.H * s.D;
}

// What both passes have.
template <class Args>
std::optional<Attention> common_attention(const Args& args) {
  const bool is_plain = args.dropout.p == 0.0f && args.mask.range_BT2 == nullptr &&
                        args.lse_BHT != nullptr && args.shape.T == args.shape.S;
  if (!is_plain || !are_packed(args.q, args.k, args.v, args.shape) ||
      !is_dense(args.out, args.shape))
    return std::nullopt;
  Attention attention = attention_of(args.shape);
  attention.causal = args.mask.causal;
  attention.window = args.mask.window < args.shape.T ? args.mask.window : 0;
  return attention;
}

std::optional<Attention> attention_of(const AttentionForward<BFloat16>& args) {
  return common_attention(args);
}

std::optional<Attention> attention_of(const AttentionBackward<BFloat16>& args) {
  if (!is_dense(args.dout, args.shape) || !are_packed(args.dq, args.dk, args.dv, args.shape))
    return std::nullopt;
  std::optional<Attention> attention = common_attention(args);
  if (attention) attention->backward = true;
  return attention;
}

// What both calls have.
class AttentionCall : public VendorCall {
 public:
  explicit AttentionCall(const Attention& attention) : attention_(attention) {}

  std::string name() const override { return attention_.to_string(); }
  const char* description() const override { return "attention"; }
  const device::VendorLibrary& library(const VendorApi& vendor) const override {
    return vendor.attention();
  }
  Status prepare(const VendorApi& vendor, int rank, int64_t workspace_bytes,
                 void** out) const override {
    const int64_t bytes = attention_.backward ? attention_workspace(attention_) : workspace_bytes;
    return vendor.attention_create(out, attention_, rank, bytes);
  }
  Status (*destroyer(const VendorApi& vendor) const)(void*) override {
    return vendor.attention_destroy;
  }

 protected:
  Attention attention_;
};

class ForwardCall final : public AttentionCall {
 public:
  ForwardCall(const Attention& attention, const AttentionForwardOnDevice<BFloat16>& call)
      : AttentionCall(attention), call_(call) {}

  std::unique_ptr<VendorCall> copy() const override { return std::make_unique<ForwardCall>(*this); }
  void launch_own(void* stream) const override {
    kernels::attention_forward(weft::cuda::Stream{stream}, call_);
  }
  Status run(const VendorApi& vendor, void* prepared, void* workspace,
             void* stream) const override {
    const AttentionForward<BFloat16>& a = call_.args;
    const AttentionArgs args{.qkv = a.q.data,
                             .out = a.out.data,
                             .log_sum_exp = a.lse_BHT,
                             .scale = a.scale,
                             .workspace = workspace};
    return vendor.attention_run(prepared, args, stream);
  }
  // The log-sum-exp of zeros is not zero.
  void clear(device::Stream& stream) const override {
    const AttentionShape& s = call_.args.shape;
    stream.fill(call_.args.lse_BHT, 0, s.B * s.H * s.T * int64_t{sizeof(float)});
  }

 private:
  AttentionForwardOnDevice<BFloat16> call_;
};

class BackwardCall final : public AttentionCall {
 public:
  BackwardCall(const Attention& attention, const AttentionBackwardOnDevice<BFloat16>& call)
      : AttentionCall(attention), call_(call) {}

  std::unique_ptr<VendorCall> copy() const override {
    return std::make_unique<BackwardCall>(*this);
  }
  bool repeats() const override { return false; }
  void launch_own(void* stream) const override {
    kernels::attention_backward(weft::cuda::Stream{stream}, call_);
  }
  Status run(const VendorApi& vendor, void* prepared, void*, void* stream) const override {
    const AttentionBackward<BFloat16>& a = call_.args;
    const AttentionArgs args{.qkv = a.q.data,
                             .out = const_cast<BFloat16*>(a.out.data),  // read
                             .log_sum_exp = const_cast<float*>(a.lse_BHT),
                             .dout = a.dout.data,
                             .dqkv = a.dq.data,
                             .scale = a.scale,
                             .workspace = call_.workspace};
    return vendor.attention_run(prepared, args, stream);
  }
  void clear(device::Stream& stream) const override {
    stream.fill(call_.workspace, 0, kernels::attention_backward_workspace_cuda(call_.args.shape));
  }

 private:
  AttentionBackwardOnDevice<BFloat16> call_;
};

}  // namespace

int64_t attention_backward_workspace_on_device(const AttentionShape& shape, DType dtype) {
  const int64_t own = kernels::attention_backward_workspace_cuda(shape);
  if (dtype != DType::kBF16 || kernel_choice() != KernelChoice::kVendor) return own;
  return std::max(own, attention_workspace(attention_of(shape)));
}

template <class T>
void launch_attention(void* stream, const AttentionForwardOnDevice<T>& call) {
  if constexpr (std::is_same_v<T, BFloat16>)
    if (const std::optional<Attention> attention = attention_of(call.args))
      return launch(stream, ForwardCall(*attention, call));
  kernels::attention_forward(weft::cuda::Stream{stream}, call);
}

template <class T>
void launch_attention(void* stream, const AttentionBackwardOnDevice<T>& call) {
  if constexpr (std::is_same_v<T, BFloat16>)
    if (const std::optional<Attention> attention = attention_of(call.args))
      return launch(stream, BackwardCall(*attention, call));
  kernels::attention_backward(weft::cuda::Stream{stream}, call);
}

template void launch_attention(void*, const AttentionForwardOnDevice<float>&);
template void launch_attention(void*, const AttentionForwardOnDevice<BFloat16>&);
template void launch_attention(void*, const AttentionBackwardOnDevice<float>&);
template void launch_attention(void*, const AttentionBackwardOnDevice<BFloat16>&);

}  // namespace weft::ops
