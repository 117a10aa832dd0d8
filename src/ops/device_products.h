// Who multiplies on a device: our kernels or the vendor's library, product by product. The choice
// is made once, before work is captured, and never inside a step: by `kernels: vendor` the
// library's own first algorithm, by `kernels: auto` what was measured to be the fastest. A choice
// can be remembered, so that another process makes the same. Not here: where it is remembered
// (runtime/product_cache.h), and how products run (core/cuda/vendor.h, kernels/gemm).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/cuda/device.h"
#include "weft/kernel_choice.h"

namespace weft::graph {
struct KernelCall;
}
namespace weft::kernels {
struct GemmArgs;
struct GemmSpec;
}  // namespace weft::kernels

namespace weft::ops {

// By product (device::Product::to_string()): "own", or the library, its version and the place of
// the algorithm in its list, "cuBLASLt 13.1.0 #0".
using ProductChoices = std::map<std::string, std::string>;

// A product of the programs, and what became of it.
struct ChosenProduct {
  std::string product, kernel;
  std::string reason;         // why this one
  int64_t calls = 0;          // in all programs, once through
  double own_seconds = 0;     // as measured; 0: it was not
  double vendor_seconds = 0;  // of the fastest algorithm
};

class DeviceProducts {
 public:
  // What the vendor's algorithms may use beside their operands: what its manual recommends for
  // Hopper. Algorithms that want more are not taken.
  static constexpr int64_t kWorkspaceBytes = int64_t{32} << 20;
  // Algorithms of the library's list that are measured.
  static constexpr int kMeasuredAlgorithms = 4;

  // Products on `stream` are chosen by `kernels`, which is auto or vendor; `remembered` choices are
  // taken again where they can be. Both must outlive it, and be used by one thread.
  DeviceProducts(const device::Device& device, device::Stream& stream, KernelChoice kernels,
                 ProductChoices remembered);
  ~DeviceProducts();
  DeviceProducts(const DeviceProducts&) = delete;
  DeviceProducts& operator=(const DeviceProducts&) = delete;

  // Of products that `launch_all` puts on the stream, all that are new are chosen. Nothing of what
  // it launches runs, but the products themselves when they are measured: operands must lie where
  // nothing of worth is written over.
  void choose(const std::function<void()>& launch_all);
  // A product of an operator. False: it is for our own kernels.
  bool launch(const graph::KernelCall& call, const kernels::GemmSpec& spec,
              const kernels::GemmArgs& args);

  const ProductChoices& choices() const;
  std::vector<ChosenProduct> chosen() const;  // in the order in which they first came
  // Whether a choice was neither remembered nor given by `kernels: vendor`.
  bool has_measured() const;
  // The library that multiplies some of the products, "cuBLASLt 13.1.0"; empty: none does.
  std::string library_in_use() const;
  // Why our own kernels serve for all products; empty if they need not.
  std::string why_own() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// DeviceProducts::choose() of those that products on `stream` belong to, if there are any.
void choose_products(void* stream, const std::function<void()>& launch_all);

// A product on the call's device: by whoever was chosen for it, else by our kernels. Nothing is
// prepared and nothing waited for.
void launch_gemm(const graph::KernelCall& call, const kernels::GemmSpec& spec,
                 const kernels::GemmArgs& args);

}  // namespace weft::ops
