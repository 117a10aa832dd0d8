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
#include "runtime/host_inputs.h"
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

struct ForwardOptions {
  Parameters parameters = Parameters::kOwn;
  int threads = 1;
  bool on_device = false;
};

// Throws Error if two graphs have a state or parameter of one name but of different types.
ForwardPlan plan_forwards(std::vector<ForwardGraph> graphs, const ForwardOptions& options);

// Is this value of a forward graph a parameter, or its copy in the compute type?
bool is_parameter(const graph::GraphData& data, graph::ValueId id);

struct ForwardBinding {
  Arena* arena = nullptr;
  int64_t persistent = 0;
  int64_t transient = 0;
  // Where a parameter lies that is held elsewhere, by its name in the graph.
  std::function<std::byte*(const std::string& name)> parameter = {};
};

class ForwardStaging;

// On a device the host sees inputs and outputs in staging, and every program is a captured graph.
class ForwardPrograms {
 public:
  // `plan` and what `device` names must outlive this.
  ForwardPrograms(const ForwardPlan& plan, const ForwardBinding& binding,
                  const graph::Device& device);
  ~ForwardPrograms();

  size_t size() const { return programs_.size(); }
  const graph::Program& operator[](size_t i) const { return *programs_[i]; }
  // Where the host writes what program `i` is given.
  HostInputs inputs(size_t i) const;
  // Runs program `i` and waits for it; `observer` may be null.
  void run(size_t i, const ParallelFor& parallel, graph::Observer* observer = nullptr) const;
  // An output of program `i` where the host reads it, by its place in ForwardGraph::outputs.
  graph::Tensor output(size_t i, size_t output) const;
  // A shared state or a parameter of the set's own, in the memory of programs. Throws Error for an
  // unknown name.
  graph::Tensor shared(const std::string& name) const;
  // Copies between that and the host.
  void read_shared(const std::string& name, std::span<std::byte> to) const;
  void write_shared(const std::string& name, std::span<const std::byte> from) const;

 private:
  const ForwardPlan& plan_;
  ForwardBinding binding_;
  std::vector<std::unique_ptr<graph::Program>> programs_;
  std::unique_ptr<ForwardStaging> staging_;  // null on the CPU
};

}  // namespace weft::runtime
