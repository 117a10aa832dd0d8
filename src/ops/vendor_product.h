// A product of ours in the words of a vendor's library.
#pragma once

#include <optional>

#include "core/cuda/vendor.h"
#include "kernels/gemm/gemm.h"
#include "ops/vendor_call.h"

namespace weft::ops {

// Nothing for what such libraries have no words for: gates, residuals, activations beyond GELU's
// approximation and ReLU, factors.
std::optional<device::Product> vendor_product(const kernels::GemmSpec& spec,
                                              const kernels::GemmArgs& args);

struct ProductCall final : VendorCall {
  device::Product product;
  kernels::GemmSpec spec;
  kernels::GemmArgs args;
  const float* one = nullptr;  // 1 in the device's memory

  ProductCall(const device::Product& p, const kernels::GemmSpec& s, const kernels::GemmArgs& a,
              const float* o)
      : product(p), spec(s), args(a), one(o) {}

  std::unique_ptr<VendorCall> copy() const override { return std::make_unique<ProductCall>(*this); }
  std::string name() const override { return product.to_string(); }
  const char* description() const override { return "a matrix product"; }
  const device::VendorLibrary& library(const device::VendorApi& vendor) const override {
    return vendor.products();
  }
  void launch_own(void* stream) const override;
  device::Status prepare(const device::VendorApi& vendor, int rank, int64_t workspace_bytes,
                         void** out) const override;
  device::Status run(const device::VendorApi& vendor, void* prepared, void* workspace,
                     void* stream) const override;
  device::Status (*destroyer(const device::VendorApi& vendor) const)(void*) override {
    return vendor.product_destroy;
  }
};

}  // namespace weft::ops
