// Batches as functions of their place in the run.
#include "data/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

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

std::string order_name(size_t dataset) {
  return dataset == 0 ? "data.order" : "data.order." + std::to_string(dataset);
}

// Data sets' weights count for each of their sequences, unless they are shares.
std::vector<MixtureStage> stages_of(std::span<const WeightedSequences> datasets,
                                    const BatchOptions& options) {
  std::vector<MixtureStage> stages;
  int64_t begin = 0;
  const auto add = [&](const auto& weight_of) {
    MixtureStage& stage = stages.emplace_back(MixtureStage{.begin = begin, .shares = {}});
    for (size_t i = 0; i < datasets.size(); ++i) {
      const int64_t size = options.weights_are_shares ? 1 : datasets[i].sequences->size();
      stage.shares.push_back(weight_of(i) * static_cast<double>(std::max<int64_t>(1, size)));
    }
  };
  for (const WeightStage& stage : options.curriculum) {
    WEFT_ASSERT(stage.weights.size() == datasets.size());
    add([&](size_t i) { return stage.weights[i]; });
    begin = stage.until_step * options.micro_batches * options.rows;
  }
  add([&](size_t i) { return datasets[i].weight; });
  return stages;
}

}  // namespace

SampleOrder::SampleOrder(int64_t sequences, uint64_t seed, size_t dataset)
    : sequences_(sequences), key_(random_key(seed, order_name(dataset))) {
  WEFT_ASSERT(sequences > 0);
}

uint64_t SampleOrder::epoch_key(int64_t epoch) const {
  const PhiloxBlock block = philox(key_, static_cast<uint64_t>(epoch));
  return (static_cast<uint64_t>(block[1]) << 32) | block[0];
}

int64_t SampleOrder::operator()(int64_t sample) const {
  WEFT_ASSERT(sample >= 0);
  return Permutation(sequences_, epoch_key(epoch(sample)))(sample % sequences_);
}

int64_t SampleOrder::within_windows(int64_t sample, int64_t window, int64_t sequences) const {
  WEFT_ASSERT(sample >= 0 && window > 0 && sequences > 0);
  const int64_t position = sample % sequences, number = position / window, begin = number * window;
  const PhiloxBlock block = philox(epoch_key(sample / sequences), static_cast<uint64_t>(number));
  const uint64_t key = (static_cast<uint64_t>(block[1]) << 32) | block[0];
  const Permutation shuffled(std::min(window, sequences - begin), key);
  return begin + shuffled(position - begin);
}

LengthGroupedOrder::LengthGroupedOrder(int64_t sequences, int64_t rows, uint64_t seed)
    : order_(sequences, seed), sequences_(sequences), rows_(rows) {
  WEFT_ASSERT(rows > 0);
}

int64_t LengthGroupedOrder::operator()(int64_t sample) const {
  WEFT_ASSERT(sample >= 0);
  const int64_t epoch = sample / sequences_, position = sample % sequences_;
  const int64_t begun = epoch * sequences_ % rows_;  // rows of a micro-batch that the epoch ended
  const int64_t first = begun == 0 ? 0 : rows_ - begun;
  const int64_t groups = std::max<int64_t>(sequences_ - first, 0) / rows_;
  const int64_t group = (position - first) / rows_;
  if (position < first || group >= groups) return position;
  const Permutation shuffled(groups, order_.epoch_key(epoch));
  return first + shuffled(group) * rows_ + (position - first) % rows_;
}

ShuffledBatches::ShuffledBatches(std::span<const WeightedSequences> datasets,
                                 const BatchOptions& options)
    : options_(options), mixture_(stages_of(datasets, options)) {
  WEFT_ASSERT(options.rows > 0 && options.micro_batches > 0);
  for (const WeightedSequences& dataset : datasets) {
    WEFT_ASSERT(dataset.sequences->sequence_len() == datasets[0].sequences->sequence_len());
    orders_.emplace_back(std::max<int64_t>(1, dataset.sequences->size()), options.seed,
                         datasets_.size());
    datasets_.push_back(dataset.sequences);
  }
  if (!options.by_length) return;
  WEFT_ASSERT(datasets_.size() == 1);
  grouped_.emplace(datasets_.front()->size(), options.rows, options.seed);
}

ShuffledBatches::ShuffledBatches(const TokenSequences& sequences, const BatchOptions& options)
    : ShuffledBatches(std::vector<WeightedSequences>{{&sequences, 1.0}}, options) {}

ShuffledBatches::Place ShuffledBatches::place(int64_t sample) const {
  if (grouped_) return {datasets_.front(), (*grouped_)(sample)};
  const auto [dataset, own] = mixture_(sample);
  const TokenSequences& sequences = *datasets_[dataset];
  const int64_t window = options_.shuffle_window;
  if (window == 0) return {&sequences, orders_[dataset](own)};
  const int64_t there = sequences.wait_for((own / window + 1) * window);
  return {&sequences, orders_[dataset].within_windows(own, window, there)};
}

void ShuffledBatches::stop_waiting() const {
  for (const TokenSequences* dataset : datasets_) dataset->stop_waiting();
}

int64_t ShuffledBatches::labels(int64_t step) const {
  const int64_t rows_per_step = options_.micro_batches * options_.rows;
  const auto uniform = [](const TokenSequences* dataset) { return dataset->is_uniform(); };
  if (std::all_of(datasets_.begin(), datasets_.end(), uniform))
    return rows_per_step * sequence_len();
  int64_t count = 0;
  for (int64_t r = 0; r < rows_per_step; ++r) {
    const Place row = place(step * rows_per_step + r);
    count += row.sequences->labels(row.index);
  }
  return count;
}

void ShuffledBatches::fill(int64_t step, int64_t micro_batch, Batch& out) const {
  check_size(out, rows(), sequence_len());
  WEFT_ASSERT(step >= 0 && micro_batch >= 0 && micro_batch < options_.micro_batches);
  const int64_t rows_per_step = options_.micro_batches * options_.rows;
  WEFT_ASSERT(step < std::numeric_limits<int64_t>::max() / rows_per_step);
  const int64_t first = step * rows_per_step + micro_batch * options_.rows;
  out.tokens = 0;
  for (int64_t r = 0; r < options_.rows; ++r) {
    const Place row = place(first + r);
    out.tokens += row.sequences->read(row.index, out.row(r));
  }
}

int64_t ShuffledBatches::epoch_samples() const {
  int64_t samples = 0;
  for (const TokenSequences* dataset : datasets_) samples += dataset->size();
  return samples;
}

double ShuffledBatches::mean_labels() const {
  double labels = 0;
  for (const TokenSequences* dataset : datasets_) labels += dataset->total_labels();
  return labels / static_cast<double>(epoch_samples());
}

double ShuffledBatches::epochs(int64_t steps) const {
  return static_cast<double>(steps) * static_cast<double>(options_.micro_batches * options_.rows) /
         static_cast<double>(epoch_samples());
}

std::vector<double> ShuffledBatches::dataset_epochs(int64_t steps) const {
  const std::vector<int64_t> samples =
      mixture_.counts(steps * options_.micro_batches * options_.rows);
  std::vector<double> epochs;
  for (size_t i = 0; i < datasets_.size(); ++i)
    epochs.push_back(static_cast<double>(samples[i]) / static_cast<double>(datasets_[i]->size()));
  return epochs;
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
