// sum, mean: over the last axis, or over everything.
#pragma once

#include "weft/graph.h"

namespace weft::ops {

enum class Axis : uint8_t { kLast, kAll };
std::string_view name_of(Axis axis);

struct ReduceParams {
  Axis axis = Axis::kAll;

  void visit(auto&& v) { v("axis", axis); }
};

// x [..., C] gives [...] (kLast; [1] if x has rank 1) or [1] (kAll), in f32.
Value sum(Value x, Axis axis = Axis::kAll);
Value mean(Value x, Axis axis = Axis::kAll);

}  // namespace weft::ops
