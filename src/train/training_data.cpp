#include "train/training_data.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "core/quote.h"
#include "data/document_rows.h"
#include "data/prepare.h"

namespace weft::train {
namespace {

std::vector<Path> folders_of(const PretrainConfig& config) {
  std::vector<Path> folders;
  for (const DatasetConfig& dataset : config.datasets) folders.emplace_back(dataset.path);
  return folders;
}

bool has_weights(const PretrainConfig& config) {
  return !config.curriculum.empty() ||
         std::any_of(config.datasets.begin(), config.datasets.end(), [&](const DatasetConfig& d) {
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
    throw Error("val_split is " + wanted + ", but " + quote_path(folder) + " was prepared with " +
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
  if (weighted) out << " share of weight " << dataset.weight;
  return out.str() + ", ";
}

// `labels`: of a sample, on average.
int64_t steps_of(const PretrainConfig& config, int64_t sequences, double labels) {
  const double per_step = static_cast<double>(config.sequences_per_step());
  double steps = 0;
  if (config.max_steps) return *config.max_steps;
  if (config.num_epochs) steps = *config.num_epochs * static_cast<double>(sequences) / per_step;
  else if (config.max_tokens) steps = static_cast<double>(*config.max_tokens) / (per_step * labels);
  return std::max<int64_t>(1, static_cast<int64_t>(std::llround(steps)));
}

// "packed 1200 documents into 310 samples of 512 tokens, 99.2 % full".
std::string row_notice(const data::DocumentRows& rows, const data::TokenStream& stream,
                       bool packed) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(1) << stream.name() << ": "
      << (packed ? "packed " : "padded ") << stream.documents() << " documents "
      << (packed ? "into " : "to ") << rows.size() << " samples of " << rows.sequence_len()
      << " tokens, " << 100 * rows.fill() << " % full";
  if (rows.cut_documents() > 0)
    out << "; " << rows.cut_documents() << " longer ones are cut into several";
  if (rows.documents_without_labels() > 0)
    out << "; " << rows.documents_without_labels() << " empty ones are left out";
  return out.str();
}

bool is_wrapped(const PretrainConfig& config) {
  return config.sample_packing && config.packing_strategy == PackingStrategy::kWrapped;
}

std::vector<data::WeightStage> stages_of(const PretrainConfig& config) {
  std::vector<data::WeightStage> stages;
  for (const CurriculumStage& stage : config.curriculum)
    stages.push_back({stage.until_step, stage.weights});
  return stages;
}

std::string curriculum_text(const PretrainConfig& config) {
  std::ostringstream out;
  for (const CurriculumStage& stage : config.curriculum)
    out << ", until step " << stage.until_step << " " << describe(stage);
  return out.str();
}

bool is_by_length(const PretrainConfig& config) {
  return !config.sample_packing && config.group_by_length;
}

std::string packing_text(const PretrainConfig& config) {
  if (is_wrapped(config)) return "";
  if (config.sample_packing) return ", packing bfd";
  return config.group_by_length ? ", one document a sample, by length" : ", one document a sample";
}

}  // namespace

TrainingData::TrainingData(const PretrainConfig& config, int64_t vocab_size) {
  open_streams(config, vocab_size);
  open_tokenizer(config);
  std::vector<data::WeightedSequences> sources;
  for (const auto& stream : train_) {
    sequences_.push_back(sequences_of(config, *stream));
    sources.push_back({sequences_.back().get(), config.datasets[sources.size()].weight});
  }
  batches_ = std::make_unique<data::ShuffledBatches>(
      sources, data::BatchOptions{.rows = config.micro_batch_size,
                                  .micro_batches = *config.gradient_accumulation_steps,
                                  .seed = static_cast<uint64_t>(config.seed),
                                  .curriculum = stages_of(config),
                                  .by_length = is_by_length(config)});
  total_steps_ = steps_of(config, batches_->epoch_samples(), batches_->mean_labels());
  tell_epochs(config);
  if (validation_) {
    validation_windows_ = std::make_unique<data::TokenWindows>(
        *validation_, data::WindowOptions{.sequence_len = config.sequence_len,
                                          .document_mask = config.document_mask,
                                          .keep_partial = true});
    evaluation_ =
        std::make_unique<data::EvaluationBatches>(*validation_windows_, config.micro_batch_size);
  }
}

// With weights, how often each dataset is read is not what one expects.
void TrainingData::tell_epochs(const PretrainConfig& config) {
  if (train_.size() < 2) return;
  const std::vector<double> epochs = batches_->dataset_epochs(total_steps_);
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << "epochs of each dataset in " << total_steps_
      << " steps:";
  for (size_t i = 0; i < epochs.size(); ++i)
    out << (i == 0 ? " '" : ", '") << config.datasets[i].path << "' " << epochs[i];
  notices_.push_back(out.str());
}

std::unique_ptr<data::TokenSequences> TrainingData::sequences_of(const PretrainConfig& config,
                                                                 const data::TokenStream& stream) {
  if (is_wrapped(config))
    return std::make_unique<data::TokenWindows>(
        stream, data::WindowOptions{.sequence_len = config.sequence_len,
                                    .document_mask = config.document_mask});
  auto rows = std::make_unique<data::DocumentRows>(
      stream, data::DocumentRowOptions{.sequence_len = config.sequence_len,
                                       .packed = config.sample_packing,
                                       .document_mask = config.document_mask,
                                       .by_length = is_by_length(config)});
  notices_.push_back(row_notice(*rows, stream, config.sample_packing));
  return rows;
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
  if (is_by_length(config) && has_weights(config))
    throw Error(
        "group_by_length works on datasets of equal weight and without a curriculum: otherwise "
        "neighbours in a micro-batch come from different datasets; leave one of them out");
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
            (config.document_mask ? "true" : "false") + packing_text(config) +
            curriculum_text(config) + ", seed " + std::to_string(config.seed);
}

void TrainingData::open_tokenizer(const PretrainConfig& config) {
  tokenizer_ = text::load_tokenizer(config.tokenizer.value_or(config.datasets.front().path));
  if (data::tokenizer_hash(*tokenizer_) != train_.front()->tokenizer_hash())
    throw Error("the tokenizer '" + config.tokenizer.value_or(config.datasets.front().path) +
                "' is not the one that " + train_.front()->name() +
                " was made with; prepare the data again or name its tokenizer");
}

}  // namespace weft::train
