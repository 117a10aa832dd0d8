// Programs without gradients that share parameters and states by name: evaluation, and the halves
// of generation (one fills caches of keys and values, the other continues them). Planned before
// anything is allocated, like everything else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/program.h"
#include "weft/graph.h"

namespace weft::runtime {

struct ForwardGraph {
  std::string name;
  std::unique_ptr<graph::GraphData> data;
  std::vector<graph::ValueId> outputs;  // what the host reads after a run
};

// `outputs` are values of `forward`, which is rewritten for computing in `compute`.
ForwardGraph build_forward_graph(std::string name, const graph::GraphData& forward,
                                 const graph::Values& outputs, DType compute);

enum class Parameters : uint8_t {
  kOwn,        // the set holds them
  kElsewhere,  // a training step holds them
};

struct ForwardPlan {
  struct Entry {
    ForwardGraph graph;
    graph::Schedule schedule;
    graph::MemoryPlan memory;
    int64_t persistent = 0;  // where the entry's inputs and constants lie, from the set's start
  };
  struct Shared {
    int64_t offset = 0;  // from the set's start
    TensorType type;
  };
  std::vector<Entry> entries;
  std::map<std::string, Shared> shared;  // states, and the parameters if they are the set's own
  Parameters parameters = Parameters::kOwn;
  int64_t persistent_bytes = 0;
  int64_t transient_bytes = 0;  // the programs take turns in it
};

// Throws Error if two graphs have a state or parameter of one name but of different types.
ForwardPlan plan_forwards(std::vector<ForwardGraph> graphs, Parameters parameters, int threads);

// Is this value of a forward graph a parameter, or its copy in the compute type?
bool is_parameter(const graph::GraphData& data, graph::ValueId id);

struct ForwardBinding {
  Arena* arena = nullptr;
  int64_t persistent = 0;
  int64_t transient = 0;
  // Where a parameter lies that is held elsewhere, by its name in the graph.
  std::function<std::byte*(const std::string& name)> parameter = {};
};

class ForwardPrograms {
 public:
  // `plan` must outlive this.
  ForwardPrograms(const ForwardPlan& plan, const ForwardBinding& binding,
                  const graph::Device& device);

  size_t size() const { return programs_.size(); }
  const graph::Program& operator[](size_t i) const { return *programs_[i]; }
  // An output of program `i`, by its place in ForwardGraph::outputs.
  graph::Tensor output(size_t i, size_t output) const;
  // A shared state or a parameter of the set's own. Throws Error for an unknown name.
  graph::Tensor shared(const std::string& name) const;

 private:
  const ForwardPlan& plan_;
  ForwardBinding binding_;
  std::vector<std::unique_ptr<graph::Program>> programs_;
};

// The tensor of the input `name` of a program's graph. Throws Error for an unknown name or if its
// type is not `dtype`.
graph::Tensor find_input(const graph::Program& program, std::string_view name, DType dtype);

}  // namespace weft::runtime
