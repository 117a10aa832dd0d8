// weft/train_program.h over a session that has no forward programs.
#include "weft/train_program.h"

#include "train/session.h"

namespace weft {

struct TrainProgram::Impl {
  train::Session session;
};

namespace {

train::SessionPlan plan_of(const Graph& graph, Value loss, const TrainProgramOptions& options) {
  return train::plan_session(train::build_step_graph(graph.data(), loss,
                                                     {.compute = options.compute,
                                                      .recompute = options.recompute,
                                                      .optimizer = options.optimizer}),
                             {}, options.threads > 0 ? options.threads : usable_threads());
}

std::span<float> find(const std::vector<runtime::NamedTensor>& tensors, std::string_view name) {
  for (const runtime::NamedTensor& entry : tensors)
    if (entry.name == name)
      return {entry.tensor.as<float>(), static_cast<size_t>(entry.tensor.type.shape.elements())};
  throw Error("the program has no parameter '" + std::string(name) + "'");
}

}  // namespace

TrainProgram::TrainProgram(const Graph& graph, Value loss, const TrainProgramOptions& options)
    : impl_(new Impl{{plan_of(graph, loss, options), options.seed}}) {}
TrainProgram::~TrainProgram() = default;
TrainProgram::TrainProgram(TrainProgram&&) noexcept = default;
TrainProgram& TrainProgram::operator=(TrainProgram&&) noexcept = default;

void TrainProgram::begin_step(int64_t labels) {
  impl_->session.begin_step(labels);
}
void TrainProgram::micro_batch() {
  impl_->session.micro_batch();
}
StepResult TrainProgram::end_step(double learning_rate) {
  return impl_->session.end_step(learning_rate);
}

std::span<std::byte> TrainProgram::input_bytes(std::string_view name, DType dtype) {
  const graph::Tensor tensor = runtime::find_input(impl_->session.step_program(), name, dtype);
  return {static_cast<std::byte*>(tensor.data), static_cast<size_t>(tensor.type.bytes())};
}

std::span<float> TrainProgram::parameter(std::string_view name) {
  return find(impl_->session.parameters(), name);
}

std::span<const float> TrainProgram::gradient(std::string_view name) const {
  return find(impl_->session.gradients(), name);
}

void TrainProgram::parameters_changed() {
  impl_->session.parameters_changed();
}
int64_t TrainProgram::planned_bytes() const {
  return impl_->session.plan().bytes;
}
int64_t TrainProgram::high_water_bytes() const {
  return impl_->session.high_water_bytes();
}

}  // namespace weft
