#include "graph/memory_plan.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "core/arena.h"
#include "graph/lifetimes.h"

namespace weft::graph {
namespace {

// Places buffers one after another, each at the lowest offset where it fits between those that live
// at the same time (Pisarchyk and Lee, "Efficient memory management for deep neural net inference",
// 2020: greedy by size). Orders differ in quality from graph to graph, so several are tried.
class Placer {
 public:
  Placer(const std::vector<Buffer>& buffers, const HappensBefore& before)
      : buffers_(buffers), before_(before) {}

  struct Result {
    std::vector<int64_t> offsets;
    int64_t bytes = 0;
  };

  Result place(const std::vector<int>& order) const {
    Result result{std::vector<int64_t>(buffers_.size(), MemoryPlan::kUnplaced), 0};
    std::vector<int> placed;  // by rising offset
    for (const int id : order) {
      const int64_t size = size_of_buffer(id);
      const int64_t offset = lowest_gap(id, size, placed, result.offsets);
      result.offsets[static_cast<size_t>(id)] = offset;
      result.bytes = std::max(result.bytes, offset + size);
      const auto at = std::upper_bound(placed.begin(), placed.end(), offset, [&](int64_t o, int p) {
        return o < result.offsets[static_cast<size_t>(p)];
      });
      placed.insert(at, id);
    }
    return result;
  }

  int64_t size_of_buffer(int id) const {
    return align_up(std::max<int64_t>(1, buffers_[static_cast<size_t>(id)].bytes));
  }

 private:
  bool overlap(int a, int b) const {
    const Buffer& x = buffers_[static_cast<size_t>(a)];
    const Buffer& y = buffers_[static_cast<size_t>(b)];
    if (before_.streams() == 1) return x.define <= y.last && y.define <= x.last;
    return !before_.ends_before(x, y) && !before_.ends_before(y, x);
  }

  int64_t lowest_gap(int id, int64_t size, const std::vector<int>& placed,
                     const std::vector<int64_t>& offsets) const {
    int64_t offset = 0;
    for (const int other : placed) {
      const int64_t start = offsets[static_cast<size_t>(other)];
      if (start + size_of_buffer(other) <= offset || !overlap(id, other)) continue;
      if (start >= offset + size) break;
      offset = start + size_of_buffer(other);
    }
    return offset;
  }

  const std::vector<Buffer>& buffers_;
  const HappensBefore& before_;
};

int64_t largest_live_set(const std::vector<Buffer>& buffers, size_t steps, const Placer& placer) {
  std::vector<int64_t> change(steps + 1, 0);
  for (size_t i = 0; i < buffers.size(); ++i) {
    change[static_cast<size_t>(buffers[i].define)] += placer.size_of_buffer(static_cast<int>(i));
    change[static_cast<size_t>(buffers[i].last) + 1] -= placer.size_of_buffer(static_cast<int>(i));
  }
  int64_t live = 0, most = 0;
  for (const int64_t delta : change) most = std::max(most, live += delta);
  return most;
}

using Order = bool (*)(const Buffer&, const Buffer&);

bool larger_first(const Buffer& a, const Buffer& b) {
  return a.bytes > b.bytes;
}
bool earlier_first(const Buffer& a, const Buffer& b) {
  return a.define < b.define;
}
bool longer_lived_first(const Buffer& a, const Buffer& b) {
  return a.last - a.define > b.last - b.define;
}
// Backward temporaries are placed like a stack read from its end.
bool later_end_first(const Buffer& a, const Buffer& b) {
  return a.last > b.last;
}

Placer::Result best_placement(const std::vector<Buffer>& buffers, const Placer& placer,
                              int64_t lower_bound) {
  constexpr std::array<Order, 4> kOrders = {larger_first, longer_lived_first, earlier_first,
                                            later_end_first};
  Placer::Result best{{}, -1};
  for (const Order compare : kOrders) {
    std::vector<int> order(buffers.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return compare(buffers[static_cast<size_t>(a)], buffers[static_cast<size_t>(b)]);
    });
    Placer::Result result = placer.place(order);
    if (best.bytes < 0 || result.bytes < best.bytes) best = std::move(result);
    if (best.bytes <= lower_bound + lower_bound / 50) break;  // good enough: within 2 %
  }
  return best;
}

std::vector<int64_t> workspaces(const GraphData& graph, const Schedule& schedule,
                                const PlanOptions& options) {
  std::vector<int64_t> bytes(graph.nodes.size(), 0);
  for (const Step& step : schedule) {
    const Node& node = graph.node(step.node);
    const auto wanted =
        options.on_device ? node.contract->device_workspace : node.contract->workspace;
    if (wanted == nullptr) continue;
    const auto types = input_types(graph, node);
    Types outputs;
    for (const ValueId v : node.outputs) outputs.push_back(graph.value(v).type);
    bytes[static_cast<size_t>(step.node)] =
        wanted({{types, node.params}, outputs, options.threads});
  }
  return bytes;
}

// Lays out everything that survives a run, one after another; views lie within their bases.
void place_persistent(const GraphData& graph, const PlanOptions& options, MemoryPlan& plan) {
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const ValueInfo& info = graph.values[i];
    const ValueId id = static_cast<ValueId>(i);
    if (info.kind == ValueKind::kTemporary || info.base != kNoValue || options.external(id))
      continue;
    plan.offsets[i] = plan.persistent_bytes;
    plan.persistent_bytes += align_up(info.type.bytes());
  }
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const ValueInfo& info = graph.values[i];
    if (info.base == kNoValue) continue;
    const int64_t start = plan.offsets[static_cast<size_t>(info.base)];  // placed before its views
    if (start != MemoryPlan::kUnplaced)
      plan.offsets[i] = start + info.offset * size_of(info.type.dtype);
  }
}

}  // namespace

Schedule serial_schedule(const GraphData& graph) {
  Schedule schedule;
  for (const NodeId id : graph.order) schedule.push_back({.node = id});
  return schedule;
}

MemoryPlan plan_memory(const GraphData& graph, const Schedule& schedule,
                       const PlanOptions& options) {
  MemoryPlan plan;
  plan.offsets.assign(graph.values.size(), MemoryPlan::kUnplaced);
  plan.workspaces.assign(graph.nodes.size(), MemoryPlan::kUnplaced);
  place_persistent(graph, options, plan);
  plan.workspace_bytes = workspaces(graph, schedule, options);
  const Lifetimes lifetimes = find_lifetimes(graph, schedule, options, plan.workspace_bytes);
  const HappensBefore before(schedule);
  const Placer placer(lifetimes.buffers, before);
  plan.transient_lower_bound = largest_live_set(lifetimes.buffers, schedule.size(), placer);
  const Placer::Result placement =
      best_placement(lifetimes.buffers, placer, plan.transient_lower_bound);
  plan.transient_bytes = std::max<int64_t>(0, placement.bytes);
  for (size_t v = 0; v < lifetimes.buffer_of.size(); ++v)
    if (const int b = lifetimes.buffer_of[v]; b >= 0)
      plan.offsets[v] = placement.offsets[static_cast<size_t>(b)];
  for (size_t n = 0; n < lifetimes.workspace_of.size(); ++n)
    if (const int b = lifetimes.workspace_of[n]; b >= 0)
      plan.workspaces[n] = placement.offsets[static_cast<size_t>(b)];
  return plan;
}

}  // namespace weft::graph
