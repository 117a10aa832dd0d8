// weft/train_program.h over a session that has no forward programs.
#include "weft/train_program.h"

#include <cmath>

#include "train/session.h"

namespace weft {

struct TrainProgram::Impl {
  train::Session session;
  int64_t micro_batches = -1;  // of the step that is going on; -1: none is
};

namespace {

train::SessionPlan plan_of(const Graph& graph, Value loss, const TrainProgramOptions& options) {
  if (options.compute != DType::kF32 && options.compute != DType::kBF16)
    throw Error("a program computes in f32 or bf16, got " + std::string(name_of(options.compute)));
  if (options.threads < 0)
    throw Error("threads must be at least 1, or 0 for as many as there are, got " +
                std::to_string(options.threads));
  return train::plan_session(train::build_step_graph(graph.data(), loss,
                                                     {.compute = options.compute,
                                                      .recompute = options.recompute,
                                                      .optimizer = options.optimizer}),
                             {},
                             {.threads = options.threads > 0 ? options.threads : usable_threads()});
}

std::string first_names(const std::vector<runtime::NamedTensor>& tensors) {
  constexpr size_t kShown = 8;
  std::string names;
  for (size_t i = 0; i < tensors.size() && i < kShown; ++i)
    names += (i == 0 ? "" : ", ") + tensors[i].name;
  if (tensors.size() > kShown) names += " and " + std::to_string(tensors.size() - kShown) + " more";
  return names;
}

std::span<float> find(const std::vector<runtime::NamedTensor>& tensors, std::string_view name) {
  for (const runtime::NamedTensor& entry : tensors)
    if (entry.name == name)
      return {entry.tensor.as<float>(), static_cast<size_t>(entry.tensor.type.shape.elements())};
  throw Error("the program has no parameter '" + std::string(name) + "'; it has " +
              first_names(tensors));
}

}  // namespace

TrainProgram::TrainProgram(const Graph& graph, Value loss, const TrainProgramOptions& options)
    : impl_(new Impl{{plan_of(graph, loss, options), options.seed}}) {}
TrainProgram::~TrainProgram() = default;
TrainProgram::TrainProgram(TrainProgram&&) noexcept = default;
TrainProgram& TrainProgram::operator=(TrainProgram&&) noexcept = default;

void TrainProgram::begin_step(int64_t labels) {
  impl_->session.begin_step(labels);
  impl_->micro_batches = 0;
}
void TrainProgram::micro_batch() {
  if (impl_->micro_batches < 0)
    throw Error("micro_batch() without a step; call begin_step() first");
  impl_->session.micro_batch();
  impl_->micro_batches += 1;
}
StepResult TrainProgram::end_step(double learning_rate) {
  if (impl_->micro_batches < 1)
    throw Error("end_step() without a micro-batch; call begin_step(), then micro_batch()");
  if (!std::isfinite(learning_rate))
    throw Error("the learning rate is not a number: " + std::to_string(learning_rate));
  impl_->micro_batches = -1;
  return impl_->session.end_step(learning_rate);
}
StepResult TrainProgram::step(const StepOptions& options) {
  begin_step(options.labels);
  micro_batch();
  return end_step(options.learning_rate);
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
