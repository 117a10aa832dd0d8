// Who computes matrix products and attention on a device: our kernels or a vendor's library, call
// by call (vendor_call.h). The choice is made once, before work is captured,
// and never inside a step: by `kernels: vendor` the library's own first algorithm, by `kernels:
// auto` what was measured to be the fastest. A choice can be remembered, so that another process
// makes the same. Not here: where it is remembered (runtime/choice_cache.h), and how calls run
// (core/cuda/vendor.h, kernels).
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

class VendorCall;

// By the name of the call (device::Product::to_string(), device::Attention::to_string()): "own", or
// the library, its version and the place of the algorithm in its list, "cuBLASLt 13.1.0 #0".
using CallChoices = std::map<std::string, std::string>;

// A call of the programs, and what became of it.
struct ChosenCall {
  std::string call, kernel;   // its name, who serves it
  std::string reason;         // why this one
  int64_t calls = 0;          // in all programs, once through
  double own_seconds = 0;     // as measured; 0: it was not
  double vendor_seconds = 0;  // of the fastest algorithm
};

class KernelChooser {
 public:
  // What the vendor's algorithms may use beside their operands: what cuBLASLt's manual recommends
  // for Hopper. Algorithms that want more are not taken.
  static constexpr int64_t kWorkspaceBytes = int64_t{32} << 20;
  // Algorithms of the library's list that are measured.
  static constexpr int kMeasuredAlgorithms = 4;

  // Calls on `stream` are chosen by `kernels`, which is auto or vendor; `remembered` choices are
  // taken again where they can be. What a library computes to other last bits in every run is ours
  // with auto, and where the run is to be `deterministic`. Device and stream must outlive it, and
  // be used by one thread.
  KernelChooser(const device::Device& device, device::Stream& stream, KernelChoice kernels,
                CallChoices remembered, bool deterministic = false);
  ~KernelChooser();
  KernelChooser(const KernelChooser&) = delete;
  KernelChooser& operator=(const KernelChooser&) = delete;

  // Chooses for all new ones of the calls that `launch_all` puts on the stream. Nothing of what it
  // launches runs, but those calls themselves when they are measured: operands must lie where
  // nothing of worth is written over.
  void choose(const std::function<void()>& launch_all);
  // A call of an operator. False: it is for our own kernels.
  bool launch(const VendorCall& call);

  const CallChoices& choices() const;
  std::vector<ChosenCall> chosen() const;  // in the order in which they first came
  // Whether a choice was neither remembered nor given by `kernels: vendor`.
  bool has_measured() const;
  // The libraries that serve some of the calls, "cuBLASLt 13.1.0, cuDNN 9.26.0"; empty: none does.
  std::string library_in_use() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The libraries that can be used, with their versions, as library_in_use() has them.
std::string usable_libraries(const device::VendorApi& vendor);
// For each that cannot be used: why, and that our own kernels serve.
std::vector<std::string> missing_libraries(const device::VendorApi& vendor);

// KernelChooser::choose() of the stream's, if it has one.
void choose_calls(void* stream, const std::function<void()>& launch_all);

// By whoever was chosen for the call, else by our kernels. Nothing is prepared and nothing waited
// for.
void launch(void* stream, const VendorCall& call);
// A product on the call's device.
void launch_gemm(const graph::KernelCall& call, const kernels::GemmSpec& spec,
                 const kernels::GemmArgs& args);

}  // namespace weft::ops
