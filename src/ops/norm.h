// What the contracts of layer_norm, rms_norm and their fused additions share: rules, references and
// kernel adapters for both norms, with and without a residual.
#pragma once

#include "kernels/norm/norm.h"
#include "ops/kernel_call.h"
#include "weft/ops/layer_norm.h"

namespace weft::ops {

struct NormBackwardParams {
  bool bias = false;  // layer_norm with a bias has a third output, its gradient

  void visit(auto&& v) { v("bias", bias); }
};

// Which of the four forward operators: their inputs are x, [residual], scale, [bias]; their outputs
// y, [sum], [mean], rstd.
struct NormForm {
  std::string_view name;
  bool centered;  // layer_norm
  bool residual;

  size_t scale() const { return residual ? 2 : 1; }
  size_t bias() const { return scale() + 1; }
  size_t sum() const { return 1; }
  size_t mean() const { return residual ? 2 : 1; }
  size_t rstd() const { return mean() + (centered ? 1 : 0); }
};

graph::Types infer_norm(const NormForm& form, const graph::TypesCall& call);
graph::Values norm_gradient(const NormForm& form, const graph::GradientCall& call);
void norm_reference(const NormForm& form, const graph::ReferenceCall& call);
graph::Cost norm_cost(const graph::TypesCall& call);
std::vector<graph::Sample> norm_samples(const NormForm& form);
std::vector<graph::ErrorSample> norm_error_samples(const NormForm& form);
void run_norm(const NormForm& form, const graph::KernelCall& call);

// Inputs of the backward operators.
enum NormBackwardInput : size_t {
  kDy,
  kX,
  kScale,
  kMean,
  kRstd,
  kDsum,
  kDscaleInto,
  kDscaleFlag,
  kDbiasInto,
  kDbiasFlag
};

}  // namespace weft::ops
