#include "ops/vendor_product.h"

#include <initializer_list>

#include "kernels/gemm/gemm_cuda.h"

namespace weft::ops {
namespace {

using device::Product;
using device::ProductActivation;
using device::ProductAdds;
using kernels::ActivationKind;
using kernels::GemmArgs;
using kernels::GemmSpec;

std::optional<ProductActivation> activation_of(const GemmSpec& spec) {
  if (!spec.activation) return ProductActivation::kNone;
  if (*spec.activation == ActivationKind::kGeluTanh) return ProductActivation::kGeluTanh;
  if (*spec.activation == ActivationKind::kRelu) return ProductActivation::kRelu;
  return std::nullopt;
}

ProductAdds adds_of(const GemmArgs& args) {
  if (args.accumulate) return ProductAdds::kYes;
  return args.accumulate_flag != nullptr ? ProductAdds::kByFlag : ProductAdds::kNo;
}

// Of all addresses together, up to what vectors need.
int alignment_of(const GemmArgs& args) {
  constexpr uintptr_t kMost = 16;
  uintptr_t bits = kMost;
  for (const void* operand : {args.a, args.b, static_cast<const void*>(args.c), args.bias,
                              static_cast<const void*>(args.pre_activation)})
    bits |= reinterpret_cast<uintptr_t>(operand);
  return static_cast<int>(bits & (~bits + 1));
}

}  // namespace

std::optional<Product> vendor_product(const GemmSpec& spec, const GemmArgs& args) {
  const std::optional<ProductActivation> activation = activation_of(spec);
  if (!activation || spec.gated || spec.residual || args.alpha != 1.0f) return std::nullopt;
  const auto or_dense = [](int64_t stride, int64_t dense) { return stride == 0 ? dense : stride; };
  return Product{.m = spec.m,
                 .n = spec.n,
                 .k = spec.k,
                 .trans_a = spec.trans_a,
                 .trans_b = spec.trans_b,
                 .lda = or_dense(spec.lda, spec.trans_a ? spec.m : spec.k),
                 .ldb = or_dense(spec.ldb, spec.trans_b ? spec.k : spec.n),
                 .ldc = or_dense(spec.ldc, spec.n),
                 .input = spec.input,
                 .output = spec.output,
                 .bias = spec.bias,
                 .bias_dtype = spec.bias_dtype,
                 .activation = *activation,
                 .saves_sums = spec.save_pre_activation,
                 .adds = adds_of(args),
                 .alignment = alignment_of(args)};
}

void ProductCall::launch_own(void* stream) const {
  kernels::gemm(weft::cuda::Stream{stream}, kernels::GemmLaunch{spec, args});
}

device::Status ProductCall::prepare(const device::VendorApi& vendor, int rank,
                                    int64_t workspace_bytes, void** out) const {
  return vendor.product_create(out, product, rank, workspace_bytes);
}

device::Status ProductCall::run(const device::VendorApi& vendor, void* prepared, void* workspace,
                                void* stream) const {
  const device::ProductArgs given{.a = args.a,
                                  .b = args.b,
                                  .c = args.c,
                                  .bias = args.bias,
                                  .sums = args.pre_activation,
                                  .flag = args.accumulate_flag,
                                  .one = one,
                                  .workspace = workspace};
  return vendor.product_run(prepared, given, stream);
}

}  // namespace weft::ops
