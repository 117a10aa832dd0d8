#include "cli/operator_times.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/stopwatch.h"
#include "core/process.h"

namespace weft::cli {
namespace {

using graph::GraphData;
using graph::Instruction;
using graph::Node;

// A call's parameters in words, without the keys of random numbers, which differ in every call.
std::string parameters_of(const Node& node) {
  const std::string all = node.params.describe();
  std::string kept;
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find(", ", at), all.size());
    const std::string field = all.substr(at, end - at);
    if (field.find("key=") == std::string::npos) kept += (kept.empty() ? "" : ", ") + field;
    at = end + 2;
  }
  return kept;
}

std::vector<std::string> types_of(const GraphData& data, const std::vector<graph::ValueId>& ids) {
  std::vector<std::string> types;
  for (const graph::ValueId id : ids)
    types.push_back(id == graph::kNoValue ? "_" : data.value(id).type.to_string());
  return types;
}

std::string kind_of(const GraphData& data, const Node& node) {
  std::string kind = std::string(node.contract->name) + "|" + parameters_of(node);
  for (const auto* ids : {&node.inputs, &node.outputs})
    for (const std::string& type : types_of(data, *ids)) kind += "|" + type;
  return kind;
}

// Runs instructions of a program one at a time, on the CPU or on the first stream of a device.
class Runner {
 public:
  explicit Runner(const train::Session& session)
      : program_(session.step_program()),
        parallel_(session.parallel()),
        queues_(program_.queues()) {
    if (queues_ == nullptr) return;
    const device::Device& device = stream().device();
    const bool has_cache = device.library().table->kind == std::string_view("cuda");
    if (has_cache) cache_.emplace(device, 2 * device.properties().l2_bytes);
  }

  void run(const Instruction& i) const {
    const Node& node = program_.graph().node(i.node);
    if (queues_ == nullptr)
      return i.kernel({i.inputs, i.outputs, node.params, i.state.get(), i.workspace, parallel_});
    const graph::DeviceCall call = queues_->call(0);
    i.kernel({i.inputs, i.outputs, node.params, i.state.get(), i.workspace, parallel_, &call});
    stream().device().check(stream().device().api().last_error(), node.contract->name.data());
  }

  double seconds_of(const Instruction& i) const {
    if (queues_ == nullptr) {
      const double start = monotonic_seconds();
      run(i);
      return monotonic_seconds() - start;
    }
    // The host puts the kernel behind the fill, so that its launch is not timed.
    if (cache_) stream().fill(cache_->data(), 0, cache_->bytes());
    const device::Event start(stream().device()), stop(stream().device());
    stream().record(start);
    run(i);
    stream().record(stop);
    stream().synchronize();
    return stop.seconds_since(start);
  }

 private:
  device::Stream& stream() const { return queues_->stream(0); }

  const graph::Program& program_;
  const ParallelFor& parallel_;
  graph::DeviceQueues* queues_;
  std::optional<device::Memory> cache_;  // as large as twice what the cache holds
};

double median_seconds(const Runner& runner, const Instruction& i, int64_t runs) {
  std::vector<double> seconds;
  for (int64_t r = 0; r < runs; ++r) seconds.push_back(runner.seconds_of(i));
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

// "32x1024x768 768x2304": of the first two inputs with two axes or more, else of the first.
std::string short_shapes(const GraphData& data, const Node& node) {
  std::string text;
  int shown = 0;
  for (const graph::ValueId id : node.inputs) {
    if (id == graph::kNoValue || shown == 2) continue;
    const Shape& shape = data.value(id).type.shape;
    if (shape.rank() < 2 && id != node.inputs.front()) continue;
    for (int axis = 0; axis < shape.rank(); ++axis)
      text += (axis == 0 ? " " : "x") + std::to_string(shape[axis]);
    ++shown;
  }
  return text;
}

report::OperatorProfile row_of(const GraphData& data, const OperatorTime& time,
                               const OperatorRoofs& roofs) {
  const Node& node = data.node(time.first->node);
  const auto types = graph::input_types(data, node);
  const graph::Cost cost = node.contract->cost({types, node.params});
  const runtime::MachineRoof& roof = reads_bf16(data, node) ? roofs.bf16 : roofs.fp32;
  const auto calls = static_cast<double>(time.calls);
  return {.name = std::string(node.contract->name) + short_shapes(data, node),
          .calls = time.calls,
          .seconds = time.seconds * calls,
          .flops = cost.flops * calls,
          .bytes = cost.bytes * calls,
          .roof = {roof.flops_per_second, roof.bytes_per_second}};
}

nlohmann::ordered_json operator_json(const GraphData& data, const OperatorTime& time,
                                     const OperatorRoofs& roofs) {
  const Node& node = data.node(time.first->node);
  const report::OperatorProfile row = row_of(data, time, roofs);
  const auto calls = static_cast<double>(time.calls);
  return {{"operator", node.contract->name},
          {"phase", graph::name_of(node.phase)},
          {"parameters", parameters_of(node)},
          {"inputs", types_of(data, node.inputs)},
          {"outputs", types_of(data, node.outputs)},
          {"calls", time.calls},
          {"seconds", time.seconds},
          {"flops", row.flops / calls},
          {"bytes", row.bytes / calls},
          {"share_of_roof", report::share_of_roof(row)}};
}

}  // namespace

std::vector<OperatorTime> time_operators(const train::Session& session, int64_t runs) {
  const graph::Program& program = session.step_program();
  const Runner runner(session);
  std::map<std::string, size_t> kinds;
  std::vector<OperatorTime> times;
  for (const Instruction& i : program.instructions()) {
    const std::string kind = kind_of(program.graph(), program.graph().node(i.node));
    const auto [at, is_new] = kinds.try_emplace(kind, times.size());
    runner.run(i);  // also what comes after a kind's first has the operands that it expects
    if (is_new) times.push_back({.first = &i, .seconds = median_seconds(runner, i, runs)});
    times[at->second].calls += 1;
  }
  return times;
}

std::vector<report::OperatorProfile> operator_rows(const train::Session& session,
                                                   const std::vector<OperatorTime>& times,
                                                   const OperatorRoofs& roofs) {
  std::vector<report::OperatorProfile> rows;
  for (const OperatorTime& time : times)
    rows.push_back(row_of(session.step_program().graph(), time, roofs));
  return rows;
}

nlohmann::ordered_json operators_json(const train::Session& session,
                                      const std::vector<OperatorTime>& times,
                                      const OperatorRoofs& roofs) {
  const GraphData& data = session.step_program().graph();
  nlohmann::ordered_json out;
  out["roof"] = {{"source", roofs.source},
                 {"gflops_f32", roofs.fp32.flops_per_second / 1e9},
                 {"gflops_bf16", roofs.bf16.flops_per_second / 1e9},
                 {"memory_gb_per_second", roofs.bf16.bytes_per_second / 1e9}};
  std::vector<report::OperatorProfile> rows;
  for (const OperatorTime& time : times) {
    out["operators"].push_back(operator_json(data, time, roofs));
    rows.push_back(row_of(data, time, roofs));
    rows.back().name = data.node(time.first->node).contract->name;
  }
  for (const report::OperatorProfile& row : report::by_name(rows))
    out["share_of_roof"][row.name] = report::share_of_roof(row);
  return out;
}

}  // namespace weft::cli
