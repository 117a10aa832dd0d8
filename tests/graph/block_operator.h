// An operator that does nothing and can have any shape of memory: outputs and workspace of given
// bytes, in place or not. What the memory planner is tried on.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace weft::test {

struct BlockParams {
  std::vector<int64_t> bytes;  // of the outputs
  int64_t workspace = 0;

  void visit(auto&& v) {
    v("bytes", bytes);
    v("workspace", workspace);
  }
};

enum class InPlace : uint8_t {
  kNo,
  kMay,   // output 0 may take input 0's memory
  kMust,  // output 0 is input 0's memory, changed
};

// Outputs are u8 tensors. An in-place output has the bytes of its input.
graph::Values block(const std::vector<Value>& inputs, const BlockParams& params,
                    InPlace in_place = InPlace::kNo);

}  // namespace weft::test
