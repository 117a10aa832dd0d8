#include "train/training_data.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "data/prepare.h"

namespace weft::train {
namespace {

std::vector<Path> folders_of(const PretrainConfig& config) {
  std::vector<Path> folders;
  for (const DatasetConfig& dataset : config.datasets) folders.emplace_back(dataset.path);
  return folders;
}

bool has_weights(const PretrainConfig& config) {
  return std::any_of(config.datasets.begin(), config.datasets.end(), [&](const DatasetConfig& d) {
    return d.weight != config.datasets.front().weight;
  });
}

std::string split_text(std::string_view by, double size) {
  std::ostringstream out;
  out << "{by: " << by << ", size: " << size << "}";
  return out.str();
}

std::string_view word_of(data::SplitBy by) {
  return by == data::SplitBy::kHash ? "hash" : "tail";
}

// `weft prepare` splits; a config that asks for another split than the data has must not pass.
void check_split(const PretrainConfig& config, const Path& folder,
                 const data::DatasetManifest& manifest) {
  if (!config.val_split) return;
  const std::string wanted = split_text(name_of(config.val_split->by), config.val_split->size);
  const std::string has = split_text(word_of(manifest.split_by), manifest.split_size);
  if (wanted != has)
    throw Error("val_split is " + wanted + ", but '" + folder.string() + "' was prepared with " +
                has + "; prepare it again with `weft prepare --val-split " +
                std::string(name_of(config.val_split->by)) + ":" +
                wanted.substr(wanted.rfind(' ') + 1, wanted.size() - wanted.rfind(' ') - 2) +
                "`, or leave val_split out");
}

// Tells two data apart that differ in what is trained on.
std::string content_of(const DatasetConfig& dataset, const data::DatasetManifest& manifest,
                       bool weighted) {
  std::ostringstream out;
  out << manifest.input_hash << " split " << word_of(manifest.split_by) << " "
      << manifest.split_size << " seed " << manifest.split_seed;
  if (weighted) out << " weight " << dataset.weight;
  return out.str() + ", ";
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
  for (const auto& stream : train_)
    windows_.push_back(std::make_unique<data::TokenWindows>(*stream, window));
  std::vector<data::WeightedSequences> sources;
  for (size_t i = 0; i < windows_.size(); ++i)
    sources.push_back({windows_[i].get(), config.datasets[i].weight});
  batches_ = std::make_unique<data::ShuffledBatches>(
      sources, data::BatchOptions{.rows = config.micro_batch_size,
                                  .micro_batches = *config.gradient_accumulation_steps,
                                  .seed = static_cast<uint64_t>(config.seed)});
  total_steps_ = steps_of(config, batches_->epoch_samples());
  if (validation_) {
    data::WindowOptions whole = window;
    whole.keep_partial = true;
    validation_windows_ = std::make_unique<data::TokenWindows>(*validation_, whole);
    evaluation_ =
        std::make_unique<data::EvaluationBatches>(*validation_windows_, config.micro_batch_size);
  }
}

// Datasets of equal weight are one stream; of other weights, each is a stream of its own.
void TrainingData::open_train_streams(const PretrainConfig& config,
                                      const std::vector<Path>& folders) {
  if (!has_weights(config)) {
    train_.push_back(std::make_unique<data::TokenStream>(folders, data::Split::kTrain));
    return;
  }
  for (const Path& folder : folders)
    train_.push_back(std::make_unique<data::TokenStream>(folder, data::Split::kTrain));
}

void TrainingData::open_streams(const PretrainConfig& config, int64_t vocab_size) {
  if (!config.sample_packing)
    throw Error(
        "sample_packing: false is not supported in pretraining; leave it out (documents are "
        "packed, "
        "and document_mask keeps them apart)");
  const std::vector<Path> folders = folders_of(config);
  auto validation = std::make_unique<data::TokenStream>(folders, data::Split::kValidation);
  open_train_streams(config, folders);
  for (const auto& stream : train_) stream->check_vocabulary(vocab_size);
  if (validation->tokens() > 1) validation_ = std::move(validation);
  else if (config.eval_steps)
    throw Error(train_.front()->name() +
                " has no validation split beside it, but eval_steps asks for one; " +
                "make one with `weft prepare --val-split hash:0.05`, or leave eval_steps out");
  for (size_t i = 0; i < folders.size(); ++i) {
    const data::DatasetManifest manifest = data::read_manifest(folders[i]);
    check_split(config, folders[i], manifest);
    order_ += content_of(config.datasets[i], manifest, has_weights(config));
  }
  order_ += "sequence_len " + std::to_string(config.sequence_len) + ", sequences per step " +
            std::to_string(config.sequences_per_step()) + ", document_mask " +
            (config.document_mask ? "true" : "false") + ", seed " + std::to_string(config.seed);
}

void TrainingData::open_tokenizer(const PretrainConfig& config) {
  tokenizer_ = text::load_tokenizer(config.tokenizer.value_or(config.datasets.front().path));
  if (data::tokenizer_hash(*tokenizer_) != train_.front()->tokenizer_hash())
    throw Error("the tokenizer '" + config.tokenizer.value_or(config.datasets.front().path) +
                "' is not the one that " + train_.front()->name() +
                " was made with; prepare the data again or name its tokenizer");
}

}  // namespace weft::train
