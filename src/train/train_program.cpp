// weft/train_program.h over a session that has no forward programs.
#include "weft/train_program.h"

#include <cmath>
#include <cstring>
#include <map>

#include "train/session.h"

namespace weft {

struct TrainProgram::Impl {
  train::Session session;
  int64_t micro_batches = -1;  // of the step that is going on; -1: none is
  // On a device: inputs as the user has written them, for every micro-batch is given anew; and the
  // parameters as they were fetched after the last step.
  struct Kept {
    DType dtype;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Kept, std::less<>> inputs = {};
  std::vector<runtime::NamedTensor> fetched = {};

  bool on_device() const { return session.device() != nullptr; }
  int64_t most_micro_batches() const { return session.plan().options.micro_batches; }

  void give_inputs() {
    const runtime::HostInputs to = session.inputs();
    for (const auto& [name, kept] : inputs)
      std::memcpy(to.find(name, kept.dtype).data, kept.bytes.data(), kept.bytes.size());
  }
  std::span<std::byte> kept_input(std::string_view name, DType dtype) {
    const graph::Tensor tensor = session.inputs().find(name, dtype);
    const auto bytes = static_cast<size_t>(tensor.type.bytes());
    const Kept zeros{dtype, std::vector<std::byte>(bytes)};
    return inputs.try_emplace(std::string(name), zeros).first->second.bytes;
  }
  const std::vector<runtime::NamedTensor>& parameters() {
    if (!on_device()) return fetched = session.parameters();
    if (fetched.empty()) fetched = session.parameters();
    return fetched;
  }
};

namespace {

train::SessionPlan plan_of(const Graph& graph, Value loss, const TrainProgramOptions& options,
                           const runtime::DeviceChoice& device) {
  if (options.compute != DType::kF32 && options.compute != DType::kBF16)
    throw Error("a program computes in f32 or bf16, got " + std::string(name_of(options.compute)));
  if (options.threads < 0)
    throw Error("threads must be at least 1, or 0 for as many as there are, got " +
                std::to_string(options.threads));
  if (options.micro_batches < 1)
    throw Error("micro_batches must be at least 1, got " + std::to_string(options.micro_batches));
  return train::plan_session(train::build_step_graph(graph.data(), loss,
                                                     {.compute = options.compute,
                                                      .recompute = options.recompute,
                                                      .optimizer = options.optimizer}),
                             {},
                             {.threads = options.threads > 0 ? options.threads : usable_threads(),
                              .on_device = device.on_gpu(),
                              .micro_batches = options.micro_batches});
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

TrainProgram::TrainProgram(const Graph& graph, Value loss, const TrainProgramOptions& options) {
  const runtime::DeviceChoice device = runtime::choose_device(options.device);
  impl_.reset(new Impl{
      {plan_of(graph, loss, options, device), options.seed, runtime::open_device(device)}});
}
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
  if (impl_->on_device()) {
    if (impl_->micro_batches == impl_->most_micro_batches())
      throw Error("micro_batch() again after " + std::to_string(impl_->micro_batches) +
                  ", which TrainProgramOptions::micro_batches says a step has on a GPU");
    impl_->give_inputs();
  }
  impl_->session.micro_batch();
  impl_->micro_batches += 1;
}
StepResult TrainProgram::end_step(double learning_rate) {
  if (impl_->micro_batches < 1)
    throw Error("end_step() without a micro-batch; call begin_step(), then micro_batch()");
  if (!std::isfinite(learning_rate))
    throw Error("the learning rate is not a number: " + std::to_string(learning_rate));
  if (impl_->on_device() && impl_->micro_batches < impl_->most_micro_batches())
    throw Error("end_step() after " + std::to_string(impl_->micro_batches) + " of the " +
                std::to_string(impl_->most_micro_batches()) +
                " micro-batches that TrainProgramOptions::micro_batches says a step has on a GPU");
  impl_->micro_batches = -1;
  impl_->fetched.clear();
  return impl_->session.end_step(learning_rate);
}
StepResult TrainProgram::step(const StepOptions& options) {
  begin_step(options.labels);
  micro_batch();
  return end_step(options.learning_rate);
}

std::span<std::byte> TrainProgram::input_bytes(std::string_view name, DType dtype) {
  if (impl_->on_device()) return impl_->kept_input(name, dtype);
  const graph::Tensor tensor = runtime::find_input(impl_->session.step_program(), name, dtype);
  return {static_cast<std::byte*>(tensor.data), static_cast<size_t>(tensor.type.bytes())};
}

std::span<float> TrainProgram::parameter(std::string_view name) {
  return find(impl_->parameters(), name);
}

std::span<const float> TrainProgram::gradient(std::string_view name) const {
  return find(impl_->session.gradients(), name);
}

void TrainProgram::parameters_changed() {
  impl_->session.parameters_changed();
}
std::string TrainProgram::device() const {
  const runtime::ComputeDevice* device = impl_->session.device();
  return device == nullptr ? "cpu" : device->device().describe();
}
int64_t TrainProgram::planned_bytes() const {
  return impl_->session.plan().bytes;
}
int64_t TrainProgram::high_water_bytes() const {
  return impl_->session.high_water_bytes();
}

}  // namespace weft
