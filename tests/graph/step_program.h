// One training step of a graph as a program in memory of the test's own, which can be poisoned.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "core/arena.h"
#include "core/thread_pool.h"
#include "graph/program.h"
#include "graph/registry.h"
#include "random_model.h"
#include "train/step_graph.h"

namespace weft::test {

struct StepProgramOptions {
  DType compute = DType::kF32;
  RecomputeMode recompute = RecomputeMode::kNone;
  bool aliasing = true, fuse = true;
  int threads = 2;
};

class StepProgram {
 public:
  StepProgram(Graph& graph, Value loss, const StepProgramOptions& options = {})
      : step_(train::build_step_graph(
            graph.data(), loss,
            {.compute = options.compute, .recompute = options.recompute, .fuse = options.fuse})),
        schedule_(graph::serial_schedule(*step_.data)),
        plan_(graph::plan_memory(
            *step_.data, schedule_,
            {.threads = options.threads,
             .aliasing = options.aliasing,
             .outputs = {step_.update.gradient_norm.id(), step_.update.applied.id()}})),
        pool_(options.threads),
        arena_(plan_.persistent_bytes + plan_.transient_bytes),
        program_(*step_.data, schedule_, plan_,
                 {.arena = &arena_, .transient = plan_.persistent_bytes},
                 {graph::cpu_kernels(), options.threads}) {
    fill();
  }

  const graph::MemoryPlan& plan() const { return plan_; }
  const graph::GraphData& data() const { return *step_.data; }
  const graph::Program& program() const { return program_; }
  const Arena& arena() const { return arena_; }
  const ParallelFor& parallel() const { return pool_; }

  // Every byte that does not survive runs becomes 0xFF, which reads as NaN.
  void poison() {
    if (plan_.transient_bytes == 0) return;
    std::memset(arena_.at(plan_.persistent_bytes, plan_.transient_bytes), 0xFF,
                static_cast<size_t>(plan_.transient_bytes));
  }

  // `accumulate`: add to the gradients that are there.
  void run_body(bool accumulate = false, graph::Observer* observer = nullptr) {
    scalar(step_.accumulate) = accumulate ? 1.0f : 0.0f;
    scalar(step_.loss_scale) = 1.0f;
    program_.run_body(pool_, observer);
  }
  void run_update() {
    scalar(step_.update.learning_rate) = 0.1f;
    scalar(step_.update.step) = 1.0f;
    program_.run_update(pool_);
  }

  std::vector<float> gradients() const { return contents(step_.blocks.gradients); }
  std::vector<float> parameters() const { return contents(step_.blocks.parameters); }
  float loss() { return scalar(step_.loss_sum); }

 private:
  std::vector<float> contents(Value block) const {
    const float* from = program_.tensor(block.id()).as<float>();
    return {from, from + block.shape().elements()};
  }
  float& scalar(Value value) { return *program_.tensor(value.id()).as<float>(); }

  void fill() {
    for (const graph::ValueInfo& info : step_.data->values) {
      if (info.producer != graph::kNoNode || info.name.starts_with("@")) continue;
      const graph::ValueId id = step_.data->find(info.name);
      const bool copy = info.master != graph::kNoValue;
      if (info.kind != ValueKind::kParameter && info.kind != ValueKind::kInput && !copy) continue;
      fill(program_.tensor(id),
           values_by_name(copy ? step_.data->value(info.master).name : info.name,
                          info.type.shape.elements()));
    }
  }

  static void fill(const graph::Tensor& to, const std::vector<double>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (to.type.dtype == DType::kF32) to.as<float>()[i] = static_cast<float>(values[i]);
      if (to.type.dtype == DType::kBF16)
        to.as<BFloat16>()[i] = BFloat16(static_cast<float>(values[i]));
      if (to.type.dtype == DType::kI32) to.as<int32_t>()[i] = static_cast<int32_t>(i % 4);
      if (to.type.dtype == DType::kI64) to.as<int64_t>()[i] = static_cast<int64_t>(i) + 5;
    }
  }

  train::StepGraph step_;
  graph::Schedule schedule_;
  graph::MemoryPlan plan_;
  ThreadPool pool_;
  Arena arena_;
  graph::Program program_;
};

}  // namespace weft::test
