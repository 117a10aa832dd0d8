// The chunked head on a device: products and rows of one chunk after another on one stream. What
// ChunkedHead is on the CPU.
#pragma once

#include "graph/op_contract.h"
#include "kernels/cross_entropy/chunked_head.h"

namespace weft::ops {

class DeviceHead {
 public:
  // `args` as ChunkedHead takes them, on the device; `accumulate` is ignored.
  DeviceHead(const graph::KernelCall& call, const kernels::ChunkedHeadSpec& spec,
             const kernels::ChunkedHeadArgs& args)
      : call_(call), spec_(spec), args_(args) {}

  // Bytes of the call's workspace: a chunk's logits and every row's loss.
  static int64_t workspace(const kernels::ChunkedHeadSpec& spec);
  // `accumulate`: the flag by which the first chunk adds to the weight's gradient; null: it does
  // not.
  void run(const float* accumulate) const;

 private:
  template <class T>
  void run_chunk(int64_t first, int64_t rows, const float* accumulate) const;
  double* losses() const;

  const graph::KernelCall& call_;
  kernels::ChunkedHeadSpec spec_;
  kernels::ChunkedHeadArgs args_;
};

}  // namespace weft::ops
