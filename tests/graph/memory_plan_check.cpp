#include "memory_plan_check.h"

#include <algorithm>
#include <map>

#include "core/arena.h"

namespace weft::test {
namespace {

using namespace graph;

// A temporary's or a workspace's memory, and the instructions that touch it.
struct Piece {
  std::string name;
  ValueId value = kNoValue;  // of a workspace none
  int64_t begin = 0, bytes = 0;
  int producer = -1;  // place in the schedule
  std::vector<int> touches;

  bool overlaps(const Piece& other) const {
    return begin < other.begin + other.bytes && other.begin < begin + bytes;
  }
};

class PlanCheck {
 public:
  PlanCheck(const GraphData& graph, const Schedule& schedule, const PlanOptions& options,
            const MemoryPlan& plan)
      : graph_(graph), schedule_(schedule), options_(options), plan_(plan) {
    find_order();
    find_pieces();
  }

  std::vector<std::string> run() {
    for (const Piece& piece : pieces_) check_place(piece);
    for (size_t a = 0; a < pieces_.size(); ++a)
      for (size_t b = a + 1; b < pieces_.size(); ++b)
        if (pieces_[a].overlaps(pieces_[b]) && !may_overlap(pieces_[a], pieces_[b]))
          fail(pieces_[a].name + " and " + pieces_[b].name + " share bytes while both live");
    return failures_;
  }

  int64_t live_at_most() const {
    int64_t most = 0;
    for (int at = 0; at < static_cast<int>(schedule_.size()); ++at) {
      int64_t live = 0;
      for (const Piece& piece : pieces_)
        if (piece.touches.front() <= at && at <= piece.touches.back())
          live += align_up(std::max<int64_t>(1, piece.bytes));
      most = std::max(most, live);
    }
    return most;
  }

 private:
  void fail(const std::string& message) {
    if (failures_.size() < 5) failures_.push_back(message);
  }

  // before_[a][b]: has instruction a ended when b starts?
  void find_order() {
    const size_t n = schedule_.size();
    before_.assign(n, std::vector<char>(n, 0));
    std::map<int, size_t> last_of_stream;
    for (size_t at = 0; at < n; ++at) {
      const auto follow = [&](size_t earlier) {
        before_[earlier][at] = 1;
        for (size_t i = 0; i < n; ++i) before_[i][at] |= before_[i][earlier];
      };
      const Step& step = schedule_[at];
      if (const auto last = last_of_stream.find(step.stream); last != last_of_stream.end())
        follow(last->second);
      for (const int wait : step.waits) follow(static_cast<size_t>(wait));
      last_of_stream[step.stream] = at;
    }
  }

  void find_pieces() {
    std::map<ValueId, size_t> of_value;
    for (int at = 0; at < static_cast<int>(schedule_.size()); ++at) {
      const NodeId id = schedule_[static_cast<size_t>(at)].node;
      for (const ValueId v : graph_.node(id).inputs)
        if (of_value.count(v) != 0) pieces_[of_value[v]].touches.push_back(at);
      for (const ValueId v : graph_.node(id).outputs)
        if (const int64_t offset = plan_.offsets[static_cast<size_t>(v)]; offset >= 0) {
          of_value[v] = pieces_.size();
          pieces_.push_back(
              {"%" + std::to_string(v), v, offset, graph_.value(v).type.bytes(), at, {at}});
        }
      const size_t n = static_cast<size_t>(id);
      if (plan_.workspace_bytes[n] > 0)
        pieces_.push_back({"workspace of node " + std::to_string(id),
                           kNoValue,
                           plan_.workspaces[n],
                           plan_.workspace_bytes[n],
                           at,
                           {at}});
    }
    for (const ValueId v : options_.outputs)
      if (of_value.count(v) != 0)
        for (int at = pieces_[of_value[v]].producer; at < static_cast<int>(schedule_.size()); ++at)
          pieces_[of_value[v]].touches.push_back(at);
  }

  void check_place(const Piece& piece) {
    if (piece.begin < 0 || piece.begin % kArenaAlignment != 0)
      fail(piece.name + " lies at " + std::to_string(piece.begin));
    if (piece.begin + piece.bytes > plan_.transient_bytes)
      fail(piece.name + " ends beyond the transient part");
  }

  bool declared_pair(const Piece& from, const Piece& to) const {
    const Node& node = graph_.node(schedule_[static_cast<size_t>(to.producer)].node);
    const auto is = [&](size_t input, size_t output) {
      return input < node.inputs.size() && node.inputs[input] == from.value &&
             node.outputs[output] == to.value && from.begin == to.begin;
    };
    const auto pair = [&](const Pair& p) { return is(p.input, p.output); };
    const auto accumulation = [&](const Accumulation& a) { return is(a.into, a.output); };
    const OpContract& c = *node.contract;
    return from.value != kNoValue && to.value != kNoValue &&
           (std::any_of(c.updates.begin(), c.updates.end(), pair) ||
            std::any_of(c.may_alias.begin(), c.may_alias.end(), pair) ||
            std::any_of(c.accumulates.begin(), c.accumulates.end(), accumulation));
  }

  // Has every use of `a` ended when `b` is made, except that b may be made in place of a?
  bool ends_before(const Piece& a, const Piece& b) const {
    return std::all_of(a.touches.begin(), a.touches.end(), [&](int t) {
      if (t == b.producer) return declared_pair(a, b);
      return before_[static_cast<size_t>(t)][static_cast<size_t>(b.producer)] != 0;
    });
  }
  bool may_overlap(const Piece& a, const Piece& b) const {
    return ends_before(a, b) || ends_before(b, a);
  }

  const GraphData& graph_;
  const Schedule& schedule_;
  const PlanOptions& options_;
  const MemoryPlan& plan_;
  std::vector<std::vector<char>> before_;
  std::vector<Piece> pieces_;
  std::vector<std::string> failures_;
};

}  // namespace

std::vector<std::string> check_plan(const GraphData& graph, const Schedule& schedule,
                                    const PlanOptions& options, const MemoryPlan& plan) {
  return PlanCheck(graph, schedule, options, plan).run();
}

int64_t largest_live_set(const GraphData& graph, const Schedule& schedule,
                         const PlanOptions& options, const MemoryPlan& plan) {
  return PlanCheck(graph, schedule, options, plan).live_at_most();
}

}  // namespace weft::test
