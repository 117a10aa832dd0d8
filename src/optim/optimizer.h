// Builds the update half of a training step: gradient norm, clipping, optimizer, and the refresh of
// the parameters' copies in the compute type.
#pragma once

#include "graph/graph.h"
#include "optim/parameter_layout.h"

namespace weft::optim {

// What the update works on. Blocks have layout.elements elements; `copies` may be absent. The loss,
// f32[1], may be absent too: where it is not finite, nothing is changed.
struct Blocks {
  Value parameters;
  Value gradients;
  Value copies;
  Value loss;
};

// Where the state of one parameter lies: elements [offset, offset + shape) of `state`.
struct StatePlace {
  Value state;
  graph::ValueId parameter;
  int64_t offset;
  Shape shape;
};

struct UpdateGraph {
  Value learning_rate;             // input f32[1]
  Value step;                      // input f32[1]: the number of this update, from 1
  Value veto;                      // input f32[1]: anything but 0 forbids the update
  Value gradient_norm;             // f32[1], before clipping
  Value applied;                   // f32[1]: 0 if nothing changed: a gradient or the loss was not
                                   // finite, or the veto forbade it
  std::vector<Value> states;       // blocks of moments
  std::vector<StatePlace> places;  // of every parameter in every block, for checkpoints
};

// Appends to `graph`, in Phase::kUpdate.
UpdateGraph build_update(graph::GraphData& graph, const ParameterLayout& layout,
                         const Blocks& blocks, const OptimizerOptions& options);

// A part of a block as a value of its own: elements [offset, offset + shape) of `base`.
Value view(graph::GraphData& graph, Value base, int64_t offset, std::string name, Shape shape);

}  // namespace weft::optim
