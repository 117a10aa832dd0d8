#include "train/device_step.h"

#include <algorithm>
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

void append(std::vector<int64_t>& to, const std::vector<int64_t>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

DeviceStep::Layout::Layout(const graph::GraphData& graph, const DeviceStepSpec& spec) {
  inputs = place(graph, spec.inputs, micro_bytes);
  bytes = update_begin = micro_bytes * spec.micro_batches;
  update_inputs = place(graph, spec.update_inputs, bytes);
  given_bytes = bytes;
  results = place(graph, spec.body_results, bytes);
  append(results, place(graph, spec.results, bytes));
}

int64_t DeviceStep::staging_bytes(const graph::GraphData& graph, const DeviceStepSpec& spec) {
  return kSlots * Layout(graph, spec).bytes;
}

int64_t DeviceStep::device_bytes(const graph::GraphData& graph, const DeviceStepSpec& spec) {
  return kSlots * Layout(graph, spec).given_bytes;
}

DeviceStep::DeviceStep(const graph::Program& program, graph::DeviceQueues& queues,
                       DeviceStepSpec spec)
    : program_(program),
      queues_(queues),
      spec_(std::move(spec)),
      layout_(program.graph(), spec_),
      staging_(queues.stream(0).device(), kSlots * layout_.bytes),
      given_(queues.stream(0).device(), kSlots * layout_.given_bytes),
      copies_(queues.stream(0).device()) {
  std::memset(staging_.data(), 0, static_cast<size_t>(staging_.bytes()));
  const device::Device& device = queues.stream(0).device();
  device::Stream& stream = queues.stream(0);
  for (size_t s = 0; s < kSlots; ++s) {
    arrived_.emplace_back(device);
    body_ended_.emplace_back(device);
    ended_.emplace_back(device);
  }
  if (spec_.micro_batches > spec_.most_in_a_graph)
    micro_batch_.push_back(stream.capture([&] { program_.run_body(SerialFor()); }));
  for (size_t s = 0; s < kSlots; ++s) capture(s);
}

void DeviceStep::capture(size_t slot) {
  device::Stream& stream = queues_.stream(0);
  const auto update = [&] {
    put_update(given(slot) + layout_.update_begin, nullptr);
    read_back(spec_.results, spec_.body_results.size(), slot);
  };
  if (is_one_graph()) {
    graphs_.push_back(stream.capture([&] {
      put_body(slot);
      update();
    }));
    return;
  }
  if (micro_batch_.empty()) bodies_.push_back(stream.capture([&] { put_body(slot); }));
  updates_.push_back(stream.capture(update));
}

std::byte* DeviceStep::staged(size_t slot) const {
  return staging_.data() + static_cast<int64_t>(slot) * layout_.bytes;
}

std::byte* DeviceStep::given(size_t slot) const {
  return given_.data() + static_cast<int64_t>(slot) * layout_.given_bytes;
}

void DeviceStep::put_inputs(int micro, const std::byte* from) {
  for (size_t i = 0; i < spec_.inputs.size(); ++i) {
    const graph::Tensor to = program_.tensor(spec_.inputs[i]);
    queues_.stream(0).copy(to.data, from + micro * layout_.micro_bytes + layout_.inputs[i],
                           to.type.bytes());
  }
}

void DeviceStep::put_update(const std::byte* from, graph::Observer* observer) {
  for (size_t i = 0; i < spec_.update_inputs.size(); ++i) {
    const graph::Tensor to = program_.tensor(spec_.update_inputs[i]);
    queues_.stream(0).copy(to.data, from + layout_.update_inputs[i] - layout_.update_begin,
                           to.type.bytes());
  }
  program_.run_update(SerialFor(), observer);
}

// Captured, or at once where the graph is of one micro-batch.
void DeviceStep::put_body(size_t slot) {
  for (int micro = 0; micro < spec_.micro_batches; ++micro) {
    put_inputs(micro, given(slot));
    if (micro_batch_.empty()) program_.run_body(SerialFor());
    else queues_.stream(0).launch(micro_batch_[0]);
  }
  read_back(spec_.body_results, 0, slot);
}

void DeviceStep::read_back(const std::vector<ValueId>& values, size_t first, size_t slot) {
  for (size_t i = 0; i < values.size(); ++i) {
    const graph::Tensor from = program_.tensor(values[i]);
    queues_.stream(0).copy(staged(slot) + layout_.results[first + i], from.data, from.type.bytes());
  }
}

// The device's side of the slot is read by the step before the last alone, which has ended.
void DeviceStep::send(int64_t begin, int64_t end) {
  copies_.copy(given(slot()) + begin, staged(slot()) + begin, end - begin);
  copies_.record(arrived_[slot()]);
  queues_.stream(0).wait(arrived_[slot()]);
}

void DeviceStep::begin() {
  if (steps_ >= kSlots) ended_[slot()].wait();
}

std::byte* DeviceStep::input(int micro, size_t i) {
  return staged(slot()) + micro * layout_.micro_bytes + layout_.inputs[i];
}

std::byte* DeviceStep::input_of(ValueId id, int micro) {
  const auto place_in = [id](const std::vector<ValueId>& values) {
    return static_cast<size_t>(std::find(values.begin(), values.end(), id) - values.begin());
  };
  if (const size_t i = place_in(spec_.inputs); i < spec_.inputs.size()) return input(micro, i);
  const size_t i = place_in(spec_.update_inputs);
  WEFT_ASSERT(i < spec_.update_inputs.size());
  return update_input(i);
}

std::byte* DeviceStep::update_input(size_t i) {
  return staged(slot()) + layout_.update_inputs[i];
}

void DeviceStep::launch() {
  const device::Device::Range range(queues_.stream(0).device(), "step");
  if (!is_one_graph()) {
    launch_body();
    return launch_update();
  }
  send(0, layout_.given_bytes);
  queues_.stream(0).launch(graphs_[slot()]);
  queues_.stream(0).record(ended_[slot()]);
  steps_ += 1;
}

void DeviceStep::launch_body() {
  WEFT_ASSERT(!is_one_graph());
  send(0, layout_.update_begin);
  if (micro_batch_.empty()) queues_.stream(0).launch(bodies_[slot()]);
  else put_body(slot());
  queues_.stream(0).record(body_ended_[slot()]);
}

const std::byte* DeviceStep::body_result(size_t i) {
  body_ended_[slot()].wait();
  return staged(slot()) + layout_.results[i];
}

void DeviceStep::launch_update() {
  send(layout_.update_begin, layout_.given_bytes);
  queues_.stream(0).launch(updates_[slot()]);
  queues_.stream(0).record(ended_[slot()]);
  steps_ += 1;
}

void DeviceStep::run_micro_batch(int micro, graph::Observer* observer) {
  put_inputs(micro, staged(slot()));
  program_.run_body(SerialFor(), observer);
  queues_.stream(0).synchronize();
}

void DeviceStep::run_update(graph::Observer* observer) {
  put_update(staged(slot()) + layout_.update_begin, observer);
  read_back(spec_.body_results, 0, slot());
  read_back(spec_.results, spec_.body_results.size(), slot());
  queues_.stream(0).record(ended_[slot()]);
  queues_.stream(0).synchronize();
  steps_ += 1;
}

const std::byte* DeviceStep::result(int64_t step, size_t i) {
  WEFT_ASSERT(step < steps_ && step >= steps_ - kSlots);
  const auto s = static_cast<size_t>(step % kSlots);
  ended_[s].wait();
  return staged(s) + layout_.results[i];
}

}  // namespace weft::train
