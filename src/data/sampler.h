// The order in which training and evaluation read sequences.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/batch.h"
#include "data/mixture.h"
#include "data/sequences.h"

namespace weft::data {

// Which sequence a sample is: a pure function of (seed, sample), in constant memory and time.
// Samples are numbered over all epochs; each epoch reads every sequence once, in an order of its
// own.
class SampleOrder {
 public:
  // Data sets of one run have different numbers, and so orders of their own.
  SampleOrder(int64_t sequences, uint64_t seed, size_t dataset = 0);
  int64_t epoch(int64_t sample) const { return sample / sequences_; }
  // `sample` >= 0; the result is in [0, sequences).
  int64_t operator()(int64_t sample) const;
  // The same where only sequences of one window, `window` of them in a row, change places: window
  // after window, so that a sample of the first epoch depends on no sequence after its window. With
  // `sequences` that are fewer than there are, but fill the sample's window, the result is the
  // same.
  int64_t within_windows(int64_t sample, int64_t window, int64_t sequences) const;

 private:
  friend class LengthGroupedOrder;
  uint64_t epoch_key(int64_t epoch) const;

  int64_t sequences_;
  uint64_t key_;
};

// The same for sequences whose numbers ascend with their length: those of one micro-batch follow
// each other, so that they are of about one length; the groups come in a random order. An epoch
// need not be whole micro-batches: the one at its end takes its longest sequences and the next
// epoch's shortest.
class LengthGroupedOrder {
 public:
  LengthGroupedOrder(int64_t sequences, int64_t rows, uint64_t seed);
  int64_t operator()(int64_t sample) const;

 private:
  SampleOrder order_;
  int64_t sequences_;
  int64_t rows_;
};

// A data set with how often each of its sequences comes, relative to those of the others.
struct WeightedSequences {
  const TokenSequences* sequences = nullptr;
  double weight = 1;
};

// Up to `until_step` data sets have these weights instead of their own; 0 leaves one out.
struct WeightStage {
  int64_t until_step = 0;
  std::vector<double> weights;
};

struct BatchOptions {
  int64_t rows = 1;           // of a micro-batch
  int64_t micro_batches = 1;  // of a step, over all ranks
  uint64_t seed = 0;
  std::vector<WeightStage> curriculum;  // until_step ascends; after the last come the own weights
  int64_t shuffle_window = 0;           // above 0: SampleOrder::within_windows()
  // Weights, also those of stages, are shares of the samples, whatever the sizes of the data sets.
  bool weights_are_shares = false;
  bool by_length = false;  // LengthGroupedOrder; for one data set, whose sequences ascend in length
};

// Row r of micro-batch m of step s is sample (s * micro_batches + m) * rows + r of the order.
class ShuffledBatches final : public BatchSource {
 public:
  // The sequences must outlive this and have one length.
  ShuffledBatches(std::span<const WeightedSequences> datasets, const BatchOptions& options);
  ShuffledBatches(const TokenSequences& sequences, const BatchOptions& options);

  int64_t rows() const override { return options_.rows; }
  int64_t sequence_len() const override { return datasets_.front()->sequence_len(); }
  int64_t micro_batches() const override { return options_.micro_batches; }
  int64_t labels(int64_t step) const override;
  void stop_waiting() const override;
  void fill(int64_t step, int64_t micro_batch, Batch& out) const override;
  // An epoch has as many samples as there are sequences; with weights not each of them comes once.
  int64_t epoch_samples() const;
  // Labels of a sequence that count, on average over an epoch.
  double mean_labels() const;
  // Epochs read when `steps` steps are done, with fraction.
  double epochs(int64_t steps) const;
  // The same of each data set.
  std::vector<double> dataset_epochs(int64_t steps) const;

 private:
  struct Place {
    const TokenSequences* sequences;
    int64_t index;
  };
  Place place(int64_t sample) const;

  std::vector<const TokenSequences*> datasets_;
  BatchOptions options_;
  std::vector<SampleOrder> orders_;
  std::optional<LengthGroupedOrder> grouped_;
  Mixture mixture_;
};

// Every sequence once, in order: for evaluation. Rows after the last sequence have ignored labels
// only.
class EvaluationBatches {
 public:
  // `sequences` must outlive this.
  EvaluationBatches(const TokenSequences& sequences, int64_t rows);

  int64_t size() const { return (sequences_.size() + rows_ - 1) / rows_; }
  // Fills `out`, a batch of rows x sequence_len, with batch `index` of [0, size()).
  void fill(int64_t index, Batch& out) const;

 private:
  const TokenSequences& sequences_;
  int64_t rows_;
};

}  // namespace weft::data
