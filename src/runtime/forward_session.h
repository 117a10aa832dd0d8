// Forward programs with memory and parameters of their own: evaluating a model, generating with it.
#pragma once

#include <vector>

#include "core/thread_pool.h"
#include "runtime/forward_set.h"
#include "runtime/model_files.h"

namespace weft::runtime {

class ForwardSession {
 public:
  // Throws Error with ExitCode::kDoesNotFit if the system refuses the memory.
  ForwardSession(std::vector<ForwardGraph> graphs, int threads);

  // Reads the parameters that the programs need, in the types that they need.
  void load(const io::TensorSet& tensors, const nn::DecoderSpec& spec);

  const ForwardPrograms& programs() const { return *programs_; }
  const ParallelFor& parallel() const { return pool_; }
  void run(size_t i) const { (*programs_)[i].run_body(pool_); }
  int64_t bytes() const { return arena_.bytes(); }

 private:
  ForwardPlan plan_;
  ThreadPool pool_;
  Arena arena_;
  std::unique_ptr<ForwardPrograms> programs_;
};

}  // namespace weft::runtime
