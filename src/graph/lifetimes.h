// Lifetimes of buffers: which values share memory because one is an update of the other, from which
// instruction to which others a buffer is in use, and which buffers may never overlap.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/memory_plan.h"

namespace weft::graph {

// Memory of one or several values (an output that updates or aliases its input is the same buffer)
// or a node's workspace.
struct Buffer {
  int64_t bytes = 0;
  int define = -1;             // place in the schedule of the first instruction that touches it
  int last = -1;               // and of the last one, in list order
  std::vector<int> last_uses;  // by stream: place of the last instruction that touches it, or -1
};

struct Lifetimes {
  std::vector<Buffer> buffers;
  std::vector<int> buffer_of;     // by value: its buffer, or -1 for what is not temporary
  std::vector<int> workspace_of;  // by node
};

Lifetimes find_lifetimes(const GraphData& graph, const Schedule& schedule,
                         const PlanOptions& options, const std::vector<int64_t>& workspace_bytes);

// Which instruction is known to have ended before which other one starts.
class HappensBefore {
 public:
  explicit HappensBefore(const Schedule& schedule);
  int streams() const { return streams_; }
  // Do all uses of `a` end before `b` is first touched?
  bool ends_before(const Buffer& a, const Buffer& b) const;
  // Do all uses of `a` end before instruction `at`, apart from its own?
  bool ends_with(const Buffer& a, int at) const;

 private:
  int streams_;
  std::vector<std::vector<int>>
      clocks_;  // by instruction and stream: the last one known to be over
};

}  // namespace weft::graph
