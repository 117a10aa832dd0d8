#include "data/mixture.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "weft/error.h"

namespace weft::data {
namespace {

constexpr int kShareBits = 62;
// So many parts are divided in every way until one is good enough; smaller ones are joined before.
constexpr size_t kMaxParts = 12;

__extension__ using Wide = unsigned __int128;

// samples * share, rounded; the share is in units of 2^-62.
int64_t part_of(int64_t samples, uint64_t share) {
  const Wide product = static_cast<Wide>(static_cast<uint64_t>(samples)) * share;
  return static_cast<int64_t>((product + (Wide{1} << (kShareBits - 1))) >> kShareBits);
}

}  // namespace

// Looks for a tree in which no data set's error reaches a whole sample.
class DatasetOrder::Builder {
 public:
  Builder(std::span<const double> shares, std::vector<Node>& nodes)
      : shares_(shares), nodes_(nodes) {}

  void build() {
    add_leaves();
    while (parts_.size() > kMaxParts) join_smallest();
    const size_t all = (size_t{1} << parts_.size()) - 1;
    best_left_.assign(all + 1, 0);
    possible_.assign(all + 1, -1);
    impossible_.assign(all + 1, HUGE_VAL);
    if (parts_.size() > 1 && divides(all, 0)) {
      add_tree(all);
    } else {
      while (parts_.size() > 1) join_smallest();
    }
  }

 private:
  // A node that is made, and its weight.
  struct Part {
    size_t node;
    double weight;
  };

  void add_leaves() {
    for (size_t i = 0; i < shares_.size(); ++i) {
      WEFT_ASSERT(shares_[i] >= 0 && std::isfinite(shares_[i]));
      if (shares_[i] == 0) continue;
      parts_.push_back({nodes_.size(), shares_[i]});
      nodes_.push_back({.dataset = i});
    }
    WEFT_ASSERT(!parts_.empty());
    sort_parts();
  }

  // The heaviest first.
  void sort_parts() {
    std::stable_sort(parts_.begin(), parts_.end(),
                     [](const Part& a, const Part& b) { return a.weight > b.weight; });
  }

  Part join(const Part& left, const Part& right) {
    const double share = left.weight / (left.weight + right.weight);
    nodes_.push_back({.left_share = static_cast<uint64_t>(std::ldexp(share, kShareBits)),
                      .left = left.node,
                      .right = right.node,
                      .is_leaf = false});
    return {nodes_.size() - 1, left.weight + right.weight};
  }

  void join_smallest() {
    const Part last = parts_.back();
    parts_.pop_back();
    parts_.back() = join(parts_.back(), last);
    sort_parts();
  }

  // Sets of parts are bit masks; bit 0 is the heaviest part.
  double weight(size_t set) const {
    double sum = 0;
    for (size_t i = 0; i < parts_.size(); ++i)
      if ((set >> i & 1) != 0) sum += parts_[i].weight;
    return sum;
  }

  // Whether `set` can be divided such that all errors stay below one sample; `above` is the sum of
  // 1 / weight over the nodes above but the root. What is possible stays so for a smaller `above`.
  bool divides(size_t set, double above) {
    const double heaviest = parts_[static_cast<size_t>(std::countr_zero(set))].weight;
    if (std::has_single_bit(set)) return heaviest * above < 1;
    if (above <= possible_[set]) return true;
    if (above >= impossible_[set]) return false;
    const bool is_root = set == possible_.size() - 1;
    const double here = is_root ? 0 : above + 1 / weight(set);
    if (heaviest * here < 1) {
      for (size_t left = (set - 1) & set; left != 0; left = (left - 1) & set) {
        if ((left & (set & (~set + 1))) == 0) continue;  // each division once
        if (!divides(left, here) || !divides(set ^ left, here)) continue;
        possible_[set] = above;
        best_left_[set] = left;
        return true;
      }
    }
    impossible_[set] = above;
    return false;
  }

  Part add_tree(size_t set) {
    if (std::has_single_bit(set)) return parts_[static_cast<size_t>(std::countr_zero(set))];
    const Part left = add_tree(best_left_[set]);
    return join(left, add_tree(set ^ best_left_[set]));
  }

  std::span<const double> shares_;
  std::vector<Node>& nodes_;
  std::vector<Part> parts_;
  std::vector<size_t> best_left_;              // by set: the division that was found
  std::vector<double> possible_, impossible_;  // by set: known for `above` up to, and from
};

DatasetOrder::DatasetOrder(std::span<const double> shares) : datasets_(shares.size()) {
  Builder(shares, nodes_).build();
  largest_error_ = error_below(nodes_.size() - 1, shares, 0);
  if (largest_error_ < 1) return;
  std::vector<double> parts;
  for (size_t i = 0; i < shares.size(); ++i) {
    if (shares[i] == 0) continue;
    present_.push_back(i);
    parts.push_back(shares[i] / weight_below(nodes_.size() - 1, shares));
  }
  period_.emplace(parts);
  largest_error_ = 1 - 1 / (2 * static_cast<double>(parts.size()) - 2);
}

// The largest error of the data sets below `node`. `above`: as in Builder::divides().
double DatasetOrder::error_below(size_t node, std::span<const double> shares, double above) const {
  const bool is_root = node + 1 == nodes_.size();
  const Node& at = nodes_[node];
  if (at.is_leaf) return is_root ? 0 : 0.5 * (1 + shares[at.dataset] * above);
  const double here = is_root ? 0 : above + 1 / weight_below(node, shares);
  return std::max(error_below(at.left, shares, here), error_below(at.right, shares, here));
}

double DatasetOrder::weight_below(size_t node, std::span<const double> shares) const {
  const Node& at = nodes_[node];
  if (at.is_leaf) return shares[at.dataset];
  return weight_below(at.left, shares) + weight_below(at.right, shares);
}

// At each node in turn: the samples that reach it are split between its sides.
DatasetOrder::Place DatasetOrder::operator()(int64_t sample) const {
  if (period_) {
    const auto [which, own] = (*period_)(sample);
    return {present_[which], own};
  }
  const Node* node = &nodes_.back();
  while (!node->is_leaf) {
    const int64_t before = part_of(sample, node->left_share);
    const bool goes_left = part_of(sample + 1, node->left_share) > before;
    sample = goes_left ? before : sample - before;
    node = &nodes_[goes_left ? node->left : node->right];
  }
  return {node->dataset, sample};
}

std::vector<int64_t> DatasetOrder::counts(int64_t samples) const {
  std::vector<int64_t> reaching(nodes_.size(), 0), counts(datasets_, 0);
  if (period_) {
    const std::vector<int64_t> of_present = period_->counts(samples);
    for (size_t i = 0; i < present_.size(); ++i) counts[present_[i]] = of_present[i];
    return counts;
  }
  reaching.back() = samples;
  for (size_t i = nodes_.size(); i-- > 0;) {  // sides come before their node
    const Node& node = nodes_[i];
    if (node.is_leaf) {
      counts[node.dataset] = reaching[i];
      continue;
    }
    reaching[node.left] = part_of(reaching[i], node.left_share);
    reaching[node.right] = reaching[i] - reaching[node.left];
  }
  return counts;
}

Mixture::Mixture(std::span<const MixtureStage> stages) {
  WEFT_ASSERT(!stages.empty() && stages.front().begin == 0);
  std::vector<int64_t> before(stages.front().shares.size(), 0);
  for (const MixtureStage& stage : stages) {
    WEFT_ASSERT(stage.shares.size() == before.size());
    if (!stages_.empty()) {
      WEFT_ASSERT(stage.begin > stages_.back().begin);
      before = counts(stage.begin);
    }
    stages_.push_back({stage.begin, DatasetOrder(stage.shares), before});
  }
}

const Mixture::Stage& Mixture::stage_of(int64_t sample) const {
  const auto next =
      std::upper_bound(stages_.begin(), stages_.end(), sample,
                       [](int64_t wanted, const Stage& stage) { return wanted < stage.begin; });
  return *(next - 1);
}

DatasetOrder::Place Mixture::operator()(int64_t sample) const {
  WEFT_ASSERT(sample >= 0);
  const Stage& stage = stage_of(sample);
  DatasetOrder::Place place = stage.order(sample - stage.begin);
  place.sample += stage.before[place.dataset];
  return place;
}

std::vector<int64_t> Mixture::counts(int64_t samples) const {
  const Stage& stage = stage_of(samples);
  std::vector<int64_t> counts = stage.order.counts(samples - stage.begin);
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += stage.before[i];
  return counts;
}

double Mixture::largest_error() const {
  double error = 0;
  for (const Stage& stage : stages_) error = std::max(error, stage.order.largest_error());
  return error;
}

}  // namespace weft::data
