#include "runtime/forward_staging.h"

#include <cstring>

namespace weft::runtime {

using graph::ValueId;

StagedValues::StagedValues(const ForwardPlan::Entry& entry, int64_t begin) : end(begin) {
  const graph::GraphData& data = *entry.graph.data;
  const auto place = [&](ValueId id) {
    const int64_t at = end;
    end += align_up(data.value(id).type.bytes());
    return at;
  };
  for (size_t v = 0; v < data.values.size(); ++v)
    if (data.values[v].kind == ValueKind::kInput &&
        entry.memory.offsets[v] != graph::MemoryPlan::kUnplaced)
      inputs[static_cast<ValueId>(v)] = place(static_cast<ValueId>(v));
  for (const ValueId id : entry.graph.outputs) outputs[id] = place(id);
}

int64_t forward_staging_bytes(const ForwardPlan& plan) {
  int64_t end = 0;
  for (const ForwardPlan::Entry& entry : plan.entries) end = StagedValues(entry, end).end;
  return end;
}

ForwardStaging::ForwardStaging(const ForwardPlan& plan, graph::DeviceQueues& queues)
    : queues_(queues), memory_(queues.stream(0).device(), forward_staging_bytes(plan)) {
  std::memset(memory_.data(), 0, static_cast<size_t>(memory_.bytes()));
  for (const ForwardPlan::Entry& entry : plan.entries)
    values_.emplace_back(entry, values_.empty() ? 0 : values_.back().end);
  graphs_.reserve(values_.size());
}

void ForwardStaging::add(const graph::Program& program) {
  const size_t i = graphs_.size();
  graphs_.push_back(queues_.stream(0).capture([&] { put(i, program, nullptr); }));
}

void ForwardStaging::put(size_t i, const graph::Program& program, graph::Observer* observer) {
  device::Stream& stream = queues_.stream(0);
  for (const auto& [id, offset] : values_[i].inputs) {
    const graph::Tensor to = program.tensor(id);
    stream.copy(to.data, memory_.data() + offset, to.type.bytes());
  }
  program.run_body(SerialFor(), observer);
  for (const auto& [id, offset] : values_[i].outputs) {
    const graph::Tensor from = program.tensor(id);
    stream.copy(memory_.data() + offset, from.data, from.type.bytes());
  }
}

std::byte* ForwardStaging::input(size_t i, ValueId id) const {
  return memory_.data() + values_[i].inputs.at(id);
}

std::byte* ForwardStaging::output(size_t i, ValueId id) const {
  return memory_.data() + values_[i].outputs.at(id);
}

void ForwardStaging::run(size_t i) {
  queues_.stream(0).launch(graphs_[i]);
  queues_.stream(0).synchronize();
}

void ForwardStaging::run(size_t i, const graph::Program& program, graph::Observer& observer) {
  put(i, program, &observer);
  queues_.stream(0).synchronize();
}

}  // namespace weft::runtime
