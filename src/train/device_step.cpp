#include "train/device_step.h"

#include <cstring>

#include "core/arena.h"

namespace weft::train {

using graph::ValueId;

namespace {

// Offsets of the values one after another, from `at` on, which moves behind them.
std::vector<int64_t> place(const graph::GraphData& graph, const std::vector<ValueId>& values,
                           int64_t& at) {
  std::vector<int64_t> offsets;
  for (const ValueId id : values) {
    offsets.push_back(at);
    at += align_up(graph.value(id).type.bytes());
  }
  return offsets;
}

}  // namespace

DeviceStep::Layout::Layout(const graph::GraphData& graph, const DeviceStepSpec& spec) {
  inputs = place(graph, spec.inputs, micro_bytes);
  bytes = micro_bytes * spec.micro_batches;
  update_inputs = place(graph, spec.update_inputs, bytes);
  results = place(graph, spec.results, bytes);
}

int64_t DeviceStep::staging_bytes(const graph::GraphData& graph, const DeviceStepSpec& spec) {
  return kSlots * Layout(graph, spec).bytes;
}

DeviceStep::DeviceStep(const graph::Program& program, graph::DeviceQueues& queues,
                       DeviceStepSpec spec)
    : program_(program),
      queues_(queues),
      spec_(std::move(spec)),
      layout_(program.graph(), spec_),
      staging_(queues.stream(0).device(), staging_bytes(program.graph(), spec_)) {
  std::memset(staging_.data(), 0, static_cast<size_t>(staging_.bytes()));
  ended_.reserve(kSlots);
  graphs_.reserve(kSlots);
  for (int64_t s = 0; s < kSlots; ++s) {
    ended_.emplace_back(queues.stream(0).device());
    graphs_.push_back(queues.stream(0).capture([&] { put(s); }));
  }
}

std::byte* DeviceStep::slot(int64_t step) const {
  return staging_.data() + step % kSlots * layout_.bytes;
}

std::byte* DeviceStep::input_of(int64_t step, int micro, size_t i) const {
  return slot(step) + micro * layout_.micro_bytes + layout_.inputs[i];
}

void DeviceStep::stage(ValueId id, const std::byte* from) {
  const graph::Tensor to = program_.tensor(id);
  queues_.stream(0).copy(to.data, from, to.type.bytes());
}

void DeviceStep::put(int64_t step) {
  for (int micro = 0; micro < spec_.micro_batches; ++micro) {
    for (size_t i = 0; i < spec_.inputs.size(); ++i)
      stage(spec_.inputs[i], input_of(step, micro, i));
    program_.run_body(SerialFor());
  }
  for (size_t i = 0; i < spec_.update_inputs.size(); ++i)
    stage(spec_.update_inputs[i], slot(step) + layout_.update_inputs[i]);
  program_.run_update(SerialFor());
  for (size_t i = 0; i < spec_.results.size(); ++i) {
    const graph::Tensor from = program_.tensor(spec_.results[i]);
    queues_.stream(0).copy(slot(step) + layout_.results[i], from.data, from.type.bytes());
  }
}

void DeviceStep::begin() {
  if (steps_ >= kSlots) ended_[static_cast<size_t>(steps_ % kSlots)].wait();
}

std::byte* DeviceStep::input(int micro, size_t i) {
  return input_of(steps_, micro, i);
}

std::byte* DeviceStep::update_input(size_t i) {
  return slot(steps_) + layout_.update_inputs[i];
}

void DeviceStep::launch() {
  const auto s = static_cast<size_t>(steps_ % kSlots);
  queues_.stream(0).launch(graphs_[s]);
  queues_.stream(0).record(ended_[s]);
  steps_ += 1;
}

const std::byte* DeviceStep::result(int64_t step, size_t i) {
  WEFT_ASSERT(step < steps_ && step >= steps_ - kSlots);
  ended_[static_cast<size_t>(step % kSlots)].wait();
  return slot(step) + layout_.results[i];
}

}  // namespace weft::train
