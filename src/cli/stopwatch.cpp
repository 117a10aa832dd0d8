#include "cli/stopwatch.h"

#include <algorithm>

#include "core/process.h"

namespace weft::cli {
namespace {

std::unique_ptr<device::Event> record_on(device::Stream& stream) {
  auto event = std::make_unique<device::Event>(stream.device());
  stream.record(*event);
  return event;
}

}  // namespace

bool reads_bf16(const graph::GraphData& data, const graph::Node& node) {
  const auto types = graph::input_types(data, node);
  return std::any_of(types.begin(), types.end(), [](const TensorType* type) {
    return type != nullptr && type->dtype == DType::kBF16;
  });
}

void Stopwatch::before(const graph::Instruction& instruction) {
  Timed timed{.instruction = &instruction};
  if (graph::DeviceQueues* queues = program_.queues())
    timed.start = record_on(queues->stream(instruction.stream));
  else timed.began = monotonic_seconds();
  timed_.push_back(std::move(timed));
}

void Stopwatch::after(const graph::Instruction& instruction) {
  if (graph::DeviceQueues* queues = program_.queues())
    timed_.back().stop = record_on(queues->stream(instruction.stream));
  else timed_.back().ended = monotonic_seconds();
}

report::TraceEvent Stopwatch::event_of(const Timed& timed) const {
  const graph::GraphData& data = program_.graph();
  const graph::Node& node = data.node(timed.instruction->node);
  const auto types = graph::input_types(data, node);
  const graph::Cost cost = node.contract->cost({types, node.params});
  report::TraceEvent event{.name = std::string(node.contract->name),
                           .category = std::string(name_of(node.phase)) + " " + node.scope,
                           .start_seconds = timed.began,
                           .seconds = timed.ended - timed.began,
                           .flops = cost.flops,
                           .bytes = cost.bytes};
  if (timed.start != nullptr) {
    event.start_seconds = timed.start->seconds_since(*timed_.front().start);
    event.seconds = timed.stop->seconds_since(*timed.start);
  }
  return event;
}

std::vector<report::TraceEvent> Stopwatch::events() const {
  std::vector<report::TraceEvent> events;
  for (const Timed& timed : timed_) events.push_back(event_of(timed));
  return events;
}

std::vector<report::OperatorProfile> Stopwatch::rows(const runtime::MachineRoof& fp32,
                                                     const runtime::MachineRoof& bf16) const {
  std::vector<report::OperatorProfile> rows;
  for (const Timed& timed : timed_) {
    const report::TraceEvent event = event_of(timed);
    const bool is_bf16 =
        reads_bf16(program_.graph(), program_.graph().node(timed.instruction->node));
    const runtime::MachineRoof& roof = is_bf16 ? bf16 : fp32;
    rows.push_back({.name = event.name,
                    .seconds = event.seconds,
                    .flops = event.flops,
                    .bytes = event.bytes,
                    .roof = {roof.flops_per_second, roof.bytes_per_second}});
  }
  return rows;
}

}  // namespace weft::cli
