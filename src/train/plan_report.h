// What a session's plan is made of, for `weft plan`, logs and report pages.
#pragma once

#include <string>
#include <vector>

#include "train/session.h"

namespace weft::train {

struct LayerBytes {
  std::string layer;  // scope: "embedding", "layers.0", ..., "head"
  int64_t bytes = 0;
};

// Bytes unless said otherwise. What lives at different times shares memory, so that the categories
// below the first ones do not add up to the total.
struct PlanReport {
  int64_t parameter_count = 0;
  // What survives steps; these do add up to `persistent`.
  int64_t parameters = 0;
  int64_t compute_copies = 0;
  int64_t gradients = 0;
  int64_t optimizer_state = 0;
  int64_t constants = 0;
  int64_t inputs_and_scalars = 0;
  int64_t forward_programs = 0;  // inputs, constants and caches of evaluation and samples
  int64_t snapshot = 0;          // save_in_background's copy of parameters and optimizer state
  int64_t persistent = 0;
  // What lives within a step.
  std::vector<LayerBytes> activations;  // kept from the forward pass for the backward pass
  int64_t activations_total = 0;
  int64_t largest_workspace = 0;
  int64_t transient = 0;
  int64_t transient_lower_bound = 0;  // the largest set of what lives at one time
  int64_t total = 0;  // the arena, and on a device what is allocated beside it there

  // On a device, beside the arena: what steps are given, and what kernels are given (constants, the
  // workspace of a vendor's library), in the device's memory; staging and the copy that checkpoints
  // are written from, in pinned host memory.
  bool on_device = false;
  int64_t device_staging = 0;
  int64_t device_kernels = 0;
  int64_t pinned_staging = 0;
  int64_t pinned_mirror = 0;

  double flops_per_micro_batch = 0;
  double bytes_per_micro_batch = 0;  // least memory traffic
  double flops_per_update = 0;
  double bytes_per_update = 0;
};

PlanReport report_plan(const SessionPlan& plan);

}  // namespace weft::train
