// From a model's forward graph to the graph of a whole training step: precision, gradients,
// accumulation, recompute, update. Runs nothing and allocates no tensor, so that plans are made by
// the same code that trains.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/memory_plan.h"
#include "graph/recompute.h"
#include "optim/optimizer.h"
#include "weft/optimizer.h"

namespace weft::train {

struct StepGraphOptions {
  DType compute = DType::kF32;  // or kBF16
  RecomputeMode recompute = RecomputeMode::kNone;
  OptimizerOptions optimizer;
  bool fuse = true;  // the same bits either way
  // Is called with the graph after each pass, for `weft graph`.
  std::function<void(std::string_view pass, const graph::GraphData&)> after_pass = {};
};

struct StepGraph {
  std::unique_ptr<graph::GraphData> data;
  optim::ParameterLayout layout;  // ids are those of `data`
  optim::Blocks blocks;
  optim::UpdateGraph update;
  Value accumulate;  // input f32[1]: 0 in the first micro-batch of a step, 1 in the others
  Value loss_scale;  // input f32[1]: 1 / (labels that count in the whole batch)
  Value loss_sum;    // state f32[1]: the sum of the losses of the step's micro-batches
};

// `loss` is f32[1], a sum over labels.
StepGraph build_step_graph(const graph::GraphData& forward, Value loss,
                           const StepGraphOptions& options);

// Names of the blocks and inputs in the graph; a user's names do not begin with '@'.
inline constexpr std::string_view kParameterBlock = "@parameters";
inline constexpr std::string_view kGradientBlock = "@gradients";
inline constexpr std::string_view kCopyBlock = "@compute_copies";

}  // namespace weft::train
