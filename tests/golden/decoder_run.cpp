#include "decoder_run.h"

#include <cstdlib>

namespace weft::test {
namespace {

nn::TrainingGraphOptions shape(const GoldenCase& golden) {
  return {.batch = golden.batch(), .time = golden.time(), .key_range = true};
}

}  // namespace

void fill(const runtime::HostInputs& inputs, const GoldenCase::Inputs& in) {
  const auto copy = [&](std::string_view name, const std::vector<int32_t>& from) {
    if (inputs.has(name))
      std::copy(from.begin(), from.end(), inputs.find(name, DType::kI32).as<int32_t>());
  };
  copy(nn::kInputIds, in.ids);
  copy(nn::kPositions, in.positions);
  copy(nn::kLabels, in.labels);
  copy(nn::kKeyRange, in.key_range);
}

bool may_take_long() {
  return std::getenv("WEFT_LONG") != nullptr;
}

runtime::DeviceChoice device_for_tests(bool on_device) {
  if (!on_device) return {};
  setenv("WEFT_TEST_DEVICE", "emulated", 0);
  return runtime::choose_device("cuda");
}

float* find(const std::vector<runtime::NamedTensor>& tensors, const std::string& name) {
  for (const auto& entry : tensors)
    if (entry.name == name) return entry.tensor.as<float>();
  throw Error("no parameter " + name);
}

std::unique_ptr<train::Session> training_session(const GoldenCase& golden,
                                                 const RunOptions& options) {
  Graph graph;
  const Value loss = nn::build_loss(graph, golden.spec(), shape(golden));
  train::StepGraph step = train::build_step_graph(
      graph.data(), loss,
      {.compute = options.compute,
       .recompute = options.recompute,
       .optimizer = {.beta1 = 0.9, .beta2 = 0.95, .weight_decay = 0.1, .max_grad_norm = 1.0}});
  auto session = std::make_unique<train::Session>(
      train::plan_session(std::move(step), {},
                          {.threads = kThreads, .on_device = options.on_device}),
      1, runtime::open_device(device_for_tests(options.on_device)));
  const auto parameters = session->parameters();
  runtime::load_weights(golden.tensors(), golden.spec(), [&](const std::string& name) {
    return runtime::ParameterMemory{.master = find(parameters, name)};
  });
  session->parameters_changed();
  return session;
}

StepResult step(train::Session& session, const GoldenCase& golden) {
  const GoldenCase::Inputs in = golden.inputs();
  session.begin_step(in.count);
  fill(session.inputs(), in);
  session.micro_batch();
  return session.end_step(1e-3);
}

std::vector<float> logits_of(const GoldenCase& golden, const RunOptions& options,
                             const ChangeWeights& change) {
  Graph graph;
  const Value logits = nn::build_logits(graph, golden.spec(), shape(golden));
  std::vector<runtime::ForwardGraph> graphs;
  graphs.push_back(runtime::build_forward_graph("logits", graph.data(), {logits}, options.compute));
  runtime::ForwardSession session(std::move(graphs), kThreads, device_for_tests(options.on_device));
  session.load(golden.tensors(), golden.spec());
  for (const nn::TensorName& name : nn::tensor_names(golden.spec()))
    if (change)
      change(name.file_name, {session.programs().shared(name.parameter).as<float>() + name.offset,
                              static_cast<size_t>(name.shape.elements())});
  fill(session.programs().inputs(0), golden.inputs());
  session.run(0);
  const graph::Tensor out = session.programs().output(0, 0);
  std::vector<float> result(static_cast<size_t>(out.type.shape.elements()));
  for (size_t i = 0; i < result.size(); ++i)
    result[i] = out.type.dtype == DType::kF32 ? out.as<float>()[i]
                                              : static_cast<float>(out.as<BFloat16>()[i]);
  return result;
}

}  // namespace weft::test
