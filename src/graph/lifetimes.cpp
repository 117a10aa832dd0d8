#include "graph/lifetimes.h"

#include <algorithm>
#include <set>

namespace weft::graph {
namespace {

class LifetimeFinder {
 public:
  LifetimeFinder(const GraphData& graph, const Schedule& schedule, const PlanOptions& options)
      : graph_(graph), schedule_(schedule), options_(options), before_(schedule) {
    for (const Step& step : schedule) streams_ = std::max(streams_, step.stream + 1);
    result_.buffer_of.assign(graph.values.size(), -1);
    result_.workspace_of.assign(graph.nodes.size(), -1);
    count_reads();
  }

  Lifetimes run(const std::vector<int64_t>& workspace_bytes) {
    for (int at = 0; at < static_cast<int>(schedule_.size()); ++at) {
      const Node& node = graph_.node(step(at).node);
      for (const ValueId v : node.inputs)
        if (v != kNoValue) touch(buffer(v), at);
      place_outputs(node, at);
      if (const int64_t bytes = workspace_bytes[static_cast<size_t>(step(at).node)]; bytes > 0) {
        const int workspace = new_buffer(bytes);
        result_.workspace_of[static_cast<size_t>(step(at).node)] = workspace;
        touch(workspace, at);
      }
      for (const ValueId v : node.inputs)
        if (v != kNoValue) --reads_left_[static_cast<size_t>(v)];
    }
    for (const ValueId v : options_.outputs)
      if (buffer(v) >= 0) keep_to_the_end(buffer(v));
    return std::move(result_);
  }

 private:
  const Step& step(int at) const { return schedule_[static_cast<size_t>(at)]; }
  int& buffer(ValueId v) { return result_.buffer_of[static_cast<size_t>(v)]; }

  void count_reads() {
    reads_left_.assign(graph_.values.size(), 0);
    for (const Step& s : schedule_)
      for (const ValueId v : graph_.node(s.node).inputs)
        if (v != kNoValue) ++reads_left_[static_cast<size_t>(v)];
    for (const ValueId v : options_.outputs) ++reads_left_[static_cast<size_t>(v)];
  }

  int new_buffer(int64_t bytes) {
    result_.buffers.push_back(
        {.bytes = bytes, .last_uses = std::vector<int>(static_cast<size_t>(streams_), -1)});
    return static_cast<int>(result_.buffers.size()) - 1;
  }

  void touch(int id, int at) {
    if (id < 0) return;
    Buffer& b = result_.buffers[static_cast<size_t>(id)];
    if (b.define < 0) b.define = at;
    b.last = at;
    b.last_uses[static_cast<size_t>(step(at).stream)] = at;
  }

  void keep_to_the_end(int id) {
    for (int at = 0; at < static_cast<int>(schedule_.size()); ++at)
      if (at >= result_.buffers[static_cast<size_t>(id)].define) touch(id, at);
  }

  // The input whose memory output `output` must take (an update), or kNoValue.
  ValueId updated_input(const Node& node, size_t output) const {
    const auto input = [&](size_t i) { return i < node.inputs.size() ? node.inputs[i] : kNoValue; };
    for (const Pair& p : node.contract->updates)
      if (p.output == output) return input(p.input);
    for (const Accumulation& a : node.contract->accumulates)
      if (a.output == output) return input(a.into);
    return kNoValue;
  }

  // An input whose memory output `output` may take: a temporary that nobody reads afterwards or at
  // the same time on another stream, and that this node reads only once.
  ValueId aliased_input(const Node& node, size_t output, int at) {
    if (!options_.aliasing) return kNoValue;
    for (const Pair& p : node.contract->may_alias) {
      if (p.output != output || p.input >= node.inputs.size()) continue;
      const ValueId v = node.inputs[p.input];
      if (v == kNoValue || buffer(v) < 0 || reads_left_[static_cast<size_t>(v)] != 1) continue;
      if (taken_.count(buffer(v)) != 0 || shared_.count(buffer(v)) != 0) continue;
      if (!before_.ends_with(result_.buffers[static_cast<size_t>(buffer(v))], at)) continue;
      const ValueId out = node.outputs[output];
      if (graph_.value(v).type.bytes() == graph_.value(out).type.bytes()) return v;
    }
    return kNoValue;
  }

  void place_outputs(const Node& node, int at) {
    taken_.clear();
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId out = node.outputs[i];
      const ValueId updated = updated_input(node, i);
      if (updated != kNoValue) {
        buffer(out) = buffer(updated);  // -1 if it is not a temporary: it lies where its input lies
        if (buffer(out) >= 0) shared_.insert(buffer(out));
      } else if (const ValueId aliased = aliased_input(node, i, at); aliased != kNoValue) {
        buffer(out) = buffer(aliased);
        taken_.insert(buffer(out));
      } else {
        buffer(out) = new_buffer(graph_.value(out).type.bytes());
      }
      touch(buffer(out), at);
    }
  }

  const GraphData& graph_;
  const Schedule& schedule_;
  const PlanOptions& options_;
  HappensBefore before_;
  int streams_ = 1;
  std::vector<int> reads_left_;
  std::set<int> taken_;   // buffers that an output of the present node has taken
  std::set<int> shared_;  // buffers with several live values: updates of temporaries
  Lifetimes result_;
};

}  // namespace

Lifetimes find_lifetimes(const GraphData& graph, const Schedule& schedule,
                         const PlanOptions& options, const std::vector<int64_t>& workspace_bytes) {
  return LifetimeFinder(graph, schedule, options).run(workspace_bytes);
}

HappensBefore::HappensBefore(const Schedule& schedule) : streams_(1) {
  for (const Step& step : schedule) streams_ = std::max(streams_, step.stream + 1);
  const std::vector<int> nothing(static_cast<size_t>(streams_), -1);
  std::vector<std::vector<int>> now(static_cast<size_t>(streams_), nothing);
  for (int at = 0; at < static_cast<int>(schedule.size()); ++at) {
    const Step& step = schedule[static_cast<size_t>(at)];
    std::vector<int>& clock = now[static_cast<size_t>(step.stream)];
    for (const int wait : step.waits) {
      WEFT_ASSERT(wait >= 0 && wait < at);
      const auto& other = clocks_[static_cast<size_t>(wait)];
      for (size_t s = 0; s < clock.size(); ++s) clock[s] = std::max(clock[s], other[s]);
      int& over = clock[static_cast<size_t>(schedule[static_cast<size_t>(wait)].stream)];
      over = std::max(over, wait);
    }
    clocks_.push_back(clock);
    clock[static_cast<size_t>(step.stream)] = at;
  }
}

bool HappensBefore::ends_before(const Buffer& a, const Buffer& b) const {
  const auto& known = clocks_[static_cast<size_t>(b.define)];
  for (size_t s = 0; s < a.last_uses.size(); ++s)
    if (a.last_uses[s] > known[s]) return false;
  return true;
}

bool HappensBefore::ends_with(const Buffer& a, int at) const {
  const auto& known = clocks_[static_cast<size_t>(at)];
  for (size_t s = 0; s < a.last_uses.size(); ++s)
    if (a.last_uses[s] > known[s] && a.last_uses[s] != at) return false;
  return true;
}

}  // namespace weft::graph
