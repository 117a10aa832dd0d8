// Forward programs with memory and parameters of their own: evaluating a model, generating with it.
#pragma once

#include <memory>
#include <vector>

#include "core/thread_pool.h"
#include "runtime/compute_device.h"
#include "runtime/forward_set.h"
#include "runtime/model_files.h"
#include "runtime/program_arena.h"

namespace weft::runtime {

class ForwardSession {
 public:
  // Throws Error with ExitCode::kDoesNotFit if the system, or the device, refuses the memory, and
  // as choose_device() does.
  ForwardSession(std::vector<ForwardGraph> graphs, int threads, const DeviceChoice& device = {});

  // Reads the parameters that the programs need, in the types that they need.
  void load(const io::TensorSet& tensors, const nn::DecoderSpec& spec);

  const ForwardPrograms& programs() const { return *programs_; }
  const ParallelFor& parallel() const { return pool_; }
  void run(size_t i) const { programs_->run(i, pool_); }
  int64_t bytes() const { return (*arena_).bytes(); }

 private:
  std::unique_ptr<ComputeDevice> device_;  // null: the CPU
  ForwardPlan plan_;
  ThreadPool pool_;
  ProgramArena arena_;
  std::unique_ptr<ForwardPrograms> programs_;
};

}  // namespace weft::runtime
