#include "train/training_data.h"

#include <algorithm>
#include <cmath>

#include "data/prepare.h"

namespace weft::train {
namespace {

std::vector<Path> folders_of(const PretrainConfig& config) {
  std::vector<Path> folders;
  for (const DatasetConfig& dataset : config.datasets) folders.emplace_back(dataset.path);
  return folders;
}

int64_t steps_of(const PretrainConfig& config, int64_t sequences) {
  const double per_step = static_cast<double>(config.sequences_per_step());
  double steps = 0;
  if (config.max_steps) return *config.max_steps;
  if (config.num_epochs) steps = *config.num_epochs * static_cast<double>(sequences) / per_step;
  else if (config.max_tokens)
    steps = static_cast<double>(*config.max_tokens) /
            (per_step * static_cast<double>(config.sequence_len));
  return std::max<int64_t>(1, static_cast<int64_t>(std::llround(steps)));
}

}  // namespace

TrainingData::TrainingData(const PretrainConfig& config, int64_t vocab_size) {
  open_streams(config, vocab_size);
  open_tokenizer(config);
  const data::WindowOptions window{.sequence_len = config.sequence_len,
                                   .document_mask = config.document_mask};
  windows_ = std::make_unique<data::TokenWindows>(*train_, window);
  batches_ = std::make_unique<data::ShuffledBatches>(
      *windows_, data::BatchOptions{.rows = config.micro_batch_size,
                                    .micro_batches = *config.gradient_accumulation_steps,
                                    .seed = static_cast<uint64_t>(config.seed)});
  total_steps_ = steps_of(config, windows_->size());
  if (validation_) {
    data::WindowOptions whole = window;
    whole.keep_partial = true;
    validation_windows_ = std::make_unique<data::TokenWindows>(*validation_, whole);
    evaluation_ =
        std::make_unique<data::EvaluationBatches>(*validation_windows_, config.micro_batch_size);
  }
}

void TrainingData::open_streams(const PretrainConfig& config, int64_t vocab_size) {
  const std::vector<Path> folders = folders_of(config);
  train_ = std::make_unique<data::TokenStream>(folders, data::Split::kTrain);
  train_->check_vocabulary(vocab_size);
  auto validation = std::make_unique<data::TokenStream>(folders, data::Split::kValidation);
  if (validation->tokens() > 1) validation_ = std::move(validation);
  else if (config.eval_steps)
    throw Error(train_->name() +
                " has no validation split beside it, but eval_steps asks for one; " +
                "make one with `weft prepare --val-split hash:0.05`, or leave eval_steps out");
  for (const Path& folder : folders) order_ += data::read_manifest(folder).input_hash + " ";
  order_ += "sequence_len " + std::to_string(config.sequence_len) + ", sequences per step " +
            std::to_string(config.sequences_per_step()) + ", document_mask " +
            (config.document_mask ? "true" : "false") + ", seed " + std::to_string(config.seed);
}

void TrainingData::open_tokenizer(const PretrainConfig& config) {
  tokenizer_ = text::load_tokenizer(config.tokenizer.value_or(config.datasets.front().path));
  if (data::tokenizer_hash(*tokenizer_) != train_->tokenizer_hash())
    throw Error("the tokenizer '" + config.tokenizer.value_or(config.datasets.front().path) +
                "' is not the one that " + train_->name() +
                " was made with; prepare the data again or name its tokenizer");
}

}  // namespace weft::train
