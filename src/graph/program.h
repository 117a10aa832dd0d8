// The executor: a planned graph as a list of instructions with every address known. Running it
// allocates nothing and writes nothing but the arena.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/arena.h"
#include "graph/device_queues.h"
#include "graph/memory_plan.h"
#include "weft/parallel_for.h"

namespace weft::graph {

struct Instruction {
  NodeId node = kNoNode;
  Kernel kernel = nullptr;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::byte* workspace = nullptr;
  std::unique_ptr<KernelState> state;
  Phase phase = Phase::kForward;
  int stream = 0;
  std::vector<int> waits;
};

// Sees every instruction before and after it runs: for profiles, and for finding the origin of a
// NaN.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void before(const Instruction&) {}
  virtual void after(const Instruction&) {}
};

// Where a program's memory lies.
struct Binding {
  Arena* arena = nullptr;
  int64_t persistent = 0;  // offset in the arena of the plan's persistent part
  int64_t transient = 0;   // and of its transient part
  // The address of a value that the plan calls external.
  std::function<std::byte*(ValueId)> external = {};
};

// What runs a program: the kernels of a backend and the threads that they may use. Without kernels
// it is a device that only plans: programs get their addresses, prepare nothing, touch no memory
// and cannot run.
struct Device {
  std::span<const Kernel> kernels;
  int threads = 1;
  DeviceQueues* queues = nullptr;  // of a GPU or the emulated device; null: the CPU
  bool only_plans() const { return kernels.empty(); }
};

class Program {
 public:
  // `graph` must outlive the program. Throws Error naming the operator if `device` has no kernel
  // for it.
  Program(const GraphData& graph, const Schedule& schedule, const MemoryPlan& plan,
          const Binding& binding, const Device& device);

  // Runs the instructions of one half: forward and backward, or the update. On a device they are
  // put on its streams, beginning and ending on the first, and nobody waits: `observer` sees each
  // as it is put there.
  void run_body(const ParallelFor& parallel, Observer* observer = nullptr) const;
  void run_update(const ParallelFor& parallel, Observer* observer = nullptr) const;

  // The memory of a value that survives runs, or of an output of the plan.
  Tensor tensor(ValueId id) const;
  const GraphData& graph() const { return graph_; }
  std::span<const Instruction> instructions() const { return instructions_; }
  DeviceQueues* queues() const { return queues_; }  // null on the CPU

 private:
  Instruction make_instruction(const Step& step, const Device& device) const;
  void run(bool update, const ParallelFor& parallel, Observer* observer) const;
  void place_constants() const;
  void make_events();
  void put_on_streams(bool update, const ParallelFor& parallel, Observer* observer) const;
  void put(size_t instruction, const ParallelFor& parallel) const;
  std::byte* address(ValueId id) const;

  const GraphData& graph_;
  MemoryPlan plan_;
  Binding binding_;
  DeviceQueues* queues_;
  std::vector<Instruction> instructions_;
  std::vector<std::unique_ptr<device::Event>> done_;  // by instruction; null: nobody waits for it
};

}  // namespace weft::graph
