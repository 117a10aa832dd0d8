#include "runtime/forward_session.h"

#include "graph/precision.h"
#include "graph/registry.h"

namespace weft::runtime {

ForwardSession::ForwardSession(std::vector<ForwardGraph> graphs, int threads)
    : plan_(plan_forwards(std::move(graphs), Parameters::kOwn, threads)),
      pool_(threads),
      arena_(plan_.persistent_bytes + plan_.transient_bytes),
      programs_(std::make_unique<ForwardPrograms>(
          plan_, ForwardBinding{.arena = &arena_, .transient = plan_.persistent_bytes},
          graph::Device{graph::cpu_kernels(), threads})) {}

void ForwardSession::load(const io::TensorSet& tensors, const nn::DecoderSpec& spec) {
  load_weights(tensors, spec, [&](const std::string& name) {
    ParameterMemory memory;
    if (plan_.shared.count(name) != 0) memory.master = programs_->shared(name).as<float>();
    const std::string copy = graph::compute_copy_name(name);
    if (plan_.shared.count(copy) != 0) memory.copy = programs_->shared(copy).as<BFloat16>();
    return memory;
  });
}

}  // namespace weft::runtime
