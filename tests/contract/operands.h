// Memory and contents for running one operator on one sample: inputs filled from the sample,
// outputs and workspace poisoned and fenced, so that every stray write and every element that was
// not written shows.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "graph/op_contract.h"
#include "graph/reference.h"

namespace weft::test {

// Bytes between two fences. Poison and fence are the byte 0xFF, which reads as NaN.
class FencedMemory {
 public:
  explicit FencedMemory(int64_t bytes);
  std::byte* data() { return storage_.data() + start_; }
  const std::byte* data() const { return storage_.data() + start_; }
  int64_t bytes() const { return bytes_; }
  bool fences_intact() const;

 private:
  static constexpr int64_t kFence = 128;
  std::vector<std::byte> storage_;
  int64_t start_;  // 64-byte aligned
  int64_t bytes_;
};

// Inputs of a sample in the types in which a program that computes in `compute` gives them.
std::vector<graph::ReferenceTensor> make_inputs(const graph::OpContract& contract,
                                                const graph::Sample& sample, DType compute,
                                                uint64_t seed);

// Null where the sample leaves an input out.
std::vector<const graph::ReferenceTensor*> pointers(const graph::Sample& sample,
                                                    const std::vector<graph::ReferenceTensor>& in);

void store(const graph::ReferenceTensor& from, std::byte* to);
std::vector<double> load(const TensorType& type, const std::byte* from);

// One run of a kernel. `alias`, if given, is a pair of contract.may_alias to make use of.
struct KernelRun {
  std::vector<std::unique_ptr<FencedMemory>> inputs;   // null: left out
  std::vector<std::unique_ptr<FencedMemory>> outputs;  // null: lies in an input's memory
  std::vector<graph::Tensor> output_tensors;
  bool fences_intact = true;
  bool inputs_unchanged = true;

  std::vector<double> output(size_t i) const {
    return load(output_tensors[i].type, static_cast<const std::byte*>(output_tensors[i].data));
  }
  std::vector<std::byte> bytes(size_t i) const;
};

struct KernelSetup {
  const graph::OpContract& contract;
  graph::Kernel kernel;
  const graph::Sample& sample;
  const std::vector<graph::ReferenceTensor>& inputs;
};
// The input whose memory output `o` must take, or takes because the run asks for it by `alias`.
std::optional<size_t> shared_input(const KernelSetup& setup, size_t o, const graph::Pair* alias);
KernelRun run_kernel(const KernelSetup& setup, const ParallelFor& parallel,
                     const graph::Pair* alias = nullptr);

}  // namespace weft::test
