// The order in which training and evaluation read sequences.
#pragma once

#include <cstdint>

#include "data/batch.h"
#include "data/sequences.h"

namespace weft::data {

// Which sequence a sample is: a pure function of (seed, sample), in constant memory and time.
// Samples are numbered over all epochs; each epoch reads every sequence once, in an order of its
// own.
class SampleOrder {
 public:
  SampleOrder(int64_t sequences, uint64_t seed);
  int64_t epoch(int64_t sample) const { return sample / sequences_; }
  // `sample` >= 0; the result is in [0, sequences).
  int64_t operator()(int64_t sample) const;

 private:
  int64_t sequences_;
  uint64_t key_;
};

struct BatchOptions {
  int64_t rows = 1;           // of a micro-batch
  int64_t micro_batches = 1;  // of a step, over all ranks
  uint64_t seed = 0;
};

// Row r of micro-batch m of step s is sample (s * micro_batches + m) * rows + r of the order.
class ShuffledBatches final : public BatchSource {
 public:
  // `sequences` must outlive this.
  ShuffledBatches(const TokenSequences& sequences, const BatchOptions& options);

  int64_t rows() const override { return options_.rows; }
  int64_t sequence_len() const override { return sequences_.sequence_len(); }
  int64_t micro_batches() const override { return options_.micro_batches; }
  void fill(int64_t step, int64_t micro_batch, Batch& out) const override;
  // Epochs read when `steps` steps are done, with fraction.
  double epochs(int64_t steps) const;

 private:
  const TokenSequences& sequences_;
  BatchOptions options_;
  SampleOrder order_;
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
