// Batches as functions of their place in the run.
#include "data/sampler.h"

#include <algorithm>
#include <limits>

#include "data/permutation.h"
#include "weft/philox.h"

namespace weft::data {
namespace {

void check_size(const Batch& batch, int64_t rows, int64_t sequence_len) {
  WEFT_ASSERT(batch.rows == rows && batch.sequence_len == sequence_len);
}

// A row that holds no sequence.
void set_empty(const SequenceRow& row) {
  std::fill(row.input_ids.begin(), row.input_ids.end(), 0);
  std::fill(row.labels.begin(), row.labels.end(), kIgnoredLabel);
  set_causal(row);
}

}  // namespace

SampleOrder::SampleOrder(int64_t sequences, uint64_t seed)
    : sequences_(sequences), key_(random_key(seed, "data.order")) {
  WEFT_ASSERT(sequences > 0);
}

int64_t SampleOrder::operator()(int64_t sample) const {
  WEFT_ASSERT(sample >= 0);
  const PhiloxBlock block = philox(key_, static_cast<uint64_t>(epoch(sample)));
  const uint64_t epoch_key = (static_cast<uint64_t>(block[1]) << 32) | block[0];
  return Permutation(sequences_, epoch_key)(sample % sequences_);
}

ShuffledBatches::ShuffledBatches(const TokenSequences& sequences, const BatchOptions& options)
    : sequences_(sequences), options_(options), order_(sequences.size(), options.seed) {
  WEFT_ASSERT(options.rows > 0 && options.micro_batches > 0);
}

void ShuffledBatches::fill(int64_t step, int64_t micro_batch, Batch& out) const {
  check_size(out, rows(), sequence_len());
  WEFT_ASSERT(step >= 0 && micro_batch >= 0 && micro_batch < options_.micro_batches);
  const int64_t rows_per_step = options_.micro_batches * options_.rows;
  WEFT_ASSERT(step < std::numeric_limits<int64_t>::max() / rows_per_step);
  const int64_t first = step * rows_per_step + micro_batch * options_.rows;
  out.tokens = 0;
  for (int64_t r = 0; r < options_.rows; ++r)
    out.tokens += sequences_.read(order_(first + r), out.row(r));
}

double ShuffledBatches::epochs(int64_t steps) const {
  return static_cast<double>(steps) * static_cast<double>(options_.micro_batches * options_.rows) /
         static_cast<double>(sequences_.size());
}

EvaluationBatches::EvaluationBatches(const TokenSequences& sequences, int64_t rows)
    : sequences_(sequences), rows_(rows) {
  WEFT_ASSERT(rows > 0);
}

void EvaluationBatches::fill(int64_t index, Batch& out) const {
  check_size(out, rows_, sequences_.sequence_len());
  WEFT_ASSERT(index >= 0 && index < size());
  out.tokens = 0;
  for (int64_t r = 0; r < rows_; ++r) {
    const int64_t sequence = index * rows_ + r;
    if (sequence < sequences_.size()) out.tokens += sequences_.read(sequence, out.row(r));
    else set_empty(out.row(r));
  }
}

}  // namespace weft::data
