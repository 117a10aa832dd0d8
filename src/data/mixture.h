// Which of several data sets each sample of a run comes from: weighted mixtures, and curricula of
// them. It knows no tokens; which of a data set's sequences a sample is, is sampler.h's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/mixture_period.h"

namespace weft::data {

// A pure function of the sample's number, in constant time and memory for a given number of data
// sets. Samples are divided by a tree: at each node, of the first n samples that reach it, the left
// side has n times its share, rounded. So at every prefix a data set has its share of the samples
// to within half a sample for its own node, and for each node above but the root, half a sample
// times how much of that node it is. The tree is chosen so that this stays below one sample. Where
// there is none, which takes five data sets or more of very different shares, the order is a period
// (mixture_period.h).
class DatasetOrder {
 public:
  // `shares` in any unit, not below 0, at least one above.
  explicit DatasetOrder(std::span<const double> shares);

  struct Place {
    size_t dataset = 0;
    int64_t sample = 0;  // its number among the samples of that data set
  };
  Place operator()(int64_t sample) const;
  // How many of the first `samples` samples each data set has.
  std::vector<int64_t> counts(int64_t samples) const;
  // What the count of a data set differs from its share by, at most: below 1.
  double largest_error() const { return largest_error_; }

 private:
  class Builder;
  struct Node {
    uint64_t left_share = 0;  // in units of 2^-62
    size_t left = 0, right = 0;
    bool is_leaf = true;
    size_t dataset = 0;
  };

  double error_below(size_t node, std::span<const double> shares, double above) const;
  double weight_below(size_t node, std::span<const double> shares) const;

  std::vector<Node> nodes_;              // the root is the last one
  std::optional<MixturePeriod> period_;  // instead of the tree
  std::vector<size_t> present_;          // data sets with a share
  size_t datasets_ = 0;
  double largest_error_ = 0;
};

// From sample `begin` on, until the next stage, data sets come in these shares.
struct MixtureStage {
  int64_t begin = 0;
  std::vector<double> shares;
};

// A mixture that changes at given samples. A data set goes on in the next stage with the sequence
// after its last one, so that none is skipped or comes twice in an epoch of its data set.
class Mixture {
 public:
  // Stages ascend strictly; the first begins at 0. All have the same number of shares.
  explicit Mixture(std::span<const MixtureStage> stages);

  DatasetOrder::Place operator()(int64_t sample) const;
  std::vector<int64_t> counts(int64_t samples) const;
  double largest_error() const;  // of a stage, counted from its beginning

 private:
  struct Stage {
    int64_t begin;
    DatasetOrder order;
    std::vector<int64_t> before;  // samples of each data set in earlier stages
  };
  const Stage& stage_of(int64_t sample) const;

  std::vector<Stage> stages_;
};

}  // namespace weft::data
