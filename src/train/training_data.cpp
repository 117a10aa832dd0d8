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

bool has_shares(const PretrainConfig& config) {
  return config.datasets.front().share.has_value();
}

bool has_weights(const PretrainConfig& config) {
  return !config.curriculum.empty() || has_shares(config) ||
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

// Tells two data apart that differ in what is trained on. Where training may begin before the text
// is read to its end, its hash is not known, and how it is prepared stands for it.
std::string content_of(const DatasetConfig& dataset, const data::DatasetManifest& manifest,
                       bool weighted, bool by_fingerprint) {
  std::ostringstream out;
  if (by_fingerprint && !manifest.fingerprint.empty())
    out << "prepared as " << manifest.fingerprint;
  else out << manifest.input_hash;
  out << " split " << word_of(manifest.split_by) << " " << manifest.split_size << " seed "
      << manifest.split_seed;
  if (dataset.share) out << " share of the samples " << *dataset.share;
  else if (weighted) out << " share of weight " << dataset.weight;
  return out.str() + ", ";
}

bool is_wrapped(const PretrainConfig& config) {
  return config.sample_packing && config.packing_strategy == PackingStrategy::kWrapped;
}

bool is_being_prepared(const DatasetConfig& dataset) {
  return data::current_folder(dataset.path) != Path(dataset.path);
}

// What needs all of the data before the first step.
void check_streamable(const PretrainConfig& config) {
  const auto refuse = [&](bool wrong, const std::string& advice) {
    if (!wrong) return;
    std::string path;
    for (const DatasetConfig& dataset : config.datasets)
      if (is_being_prepared(dataset)) path = dataset.path;
    throw Error(quote_path(path) + " is still being prepared; " + advice +
                ", or wait until `weft prepare` has ended");
  };
  refuse(
      !config.shuffle_window,
      "set shuffle_window, say to 100000 samples, so that the order of samples does not depend on "
      "what is yet to come");
  refuse(
      config.datasets.size() > 1 && !has_shares(config),
      "how often each of several datasets comes depends on their sizes, which are not known yet; "
      "give each a `share` of the samples instead of a weight");
  refuse(!is_wrapped(config),
         std::string(config.sample_packing ? "packing of whole documents"
                                           : "which sample has which document") +
             " is planned ahead over all of them; set packing_strategy to wrapped and "
             "sample_packing to true");
  refuse(
      config.num_epochs.has_value(),
      "how long an epoch is, is not known yet; set max_steps or max_tokens instead of num_epochs");
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

void wait_for_datasets(const PretrainConfig& config, double arrival_seconds,
                       const std::function<void(const std::string& what)>& meanwhile) {
  if (!config.shuffle_window) return;
  for (const DatasetConfig& dataset : config.datasets)
    data::wait_for_arrival(dataset.path,
                           {.grace_seconds = arrival_seconds,
                            .timeout_seconds = static_cast<double>(config.data_timeout)},
                           [&] {
                             meanwhile("waiting for the `weft prepare` that writes " +
                                       quote_path(dataset.path) + " to begin");
                           });
}

TrainingData::TrainingData(const PretrainConfig& config, int64_t vocab_size) {
  const auto& datasets = config.datasets;
  if (std::any_of(datasets.begin(), datasets.end(), is_being_prepared))
    open_streamed(config, vocab_size);
  else open_streams(config, vocab_size);
  open_tokenizer(config);
  const std::vector<data::WeightedSequences> sources = train_sequences(config);
  batches_ = std::make_unique<data::ShuffledBatches>(
      sources, data::BatchOptions{.rows = config.micro_batch_size,
                                  .micro_batches = *config.gradient_accumulation_steps,
                                  .seed = static_cast<uint64_t>(config.seed),
                                  .curriculum = stages_of(config),
                                  .shuffle_window = config.shuffle_window.value_or(0),
                                  .weights_are_shares = has_shares(config),
                                  .by_length = is_by_length(config)});
  total_steps_ = is_streamed()
                     ? steps_of(config, 0, static_cast<double>(config.sequence_len))
                     : steps_of(config, batches_->epoch_samples(), batches_->mean_labels());
  tell_epochs(config);
  open_validation(config);
}

std::vector<data::WeightedSequences> TrainingData::train_sequences(const PretrainConfig& config) {
  std::vector<data::WeightedSequences> sources;
  const data::WindowOptions windows{.sequence_len = config.sequence_len,
                                    .document_mask = config.document_mask};
  const auto add = [&](std::unique_ptr<data::TokenSequences> sequences) {
    const DatasetConfig& dataset = config.datasets[sources.size()];
    sources.push_back({sequences.get(), dataset.share.value_or(dataset.weight)});
    sequences_.push_back(std::move(sequences));
  };
  for (const auto& dataset : streamed_)
    add(std::make_unique<data::StreamedWindows>(*dataset, data::Split::kTrain, windows));
  for (const auto& stream : train_) add(sequences_of(config, *stream));
  return sources;
}

void TrainingData::open_validation(const PretrainConfig& config) {
  const data::WindowOptions windows{.sequence_len = config.sequence_len,
                                    .document_mask = config.document_mask,
                                    .keep_partial = true};
  if (is_streamed()) open_streamed_validation(windows);
  else if (validation_)
    validation_windows_ = std::make_unique<data::TokenWindows>(*validation_, windows);
  if (!validation_windows_) return;
  evaluation_ =
      std::make_unique<data::EvaluationBatches>(*validation_windows_, config.micro_batch_size);
}

// Of several datasets the windows run on from one into the next, so that all must be whole.
void TrainingData::open_streamed_validation(const data::WindowOptions& windows) {
  std::vector<data::StreamedDataset*> datasets;
  for (const auto& dataset : streamed_)
    if (dataset->manifest().split_size > 0) datasets.push_back(dataset.get());
  if (datasets.empty()) return;
  if (streamed_.size() == 1) {
    auto single = std::make_unique<data::StreamedWindows>(*datasets.front(),
                                                          data::Split::kValidation, windows);
    wait_for_validation_ = [of = single.get()](int64_t count, const auto& meanwhile) {
      of->wait_for(count, meanwhile);
    };
    validation_windows_ = std::move(single);
    return;
  }
  auto joined = std::make_unique<data::JoinedWindows>(datasets, data::Split::kValidation, windows);
  wait_for_validation_ = [of = joined.get()](int64_t, const auto& meanwhile) {
    of->wait(meanwhile);
  };
  validation_windows_ = std::move(joined);
}

std::string TrainingData::waiting_for() const {
  for (const auto& dataset : streamed_)
    if (std::string what = dataset->waiting_for(); !what.empty()) return what;
  return "";
}

std::vector<data::ContentMark> TrainingData::marks() const {
  std::vector<data::ContentMark> marks;
  for (const auto& dataset : streamed_) marks.push_back(data::mark_of(dataset->manifest()));
  for (const data::DatasetManifest& manifest : manifests_) marks.push_back(data::mark_of(manifest));
  return marks;
}

void TrainingData::expect(const std::vector<data::ContentMark>& marks, const std::string& reader) {
  for (size_t i = 0; i < std::min(marks.size(), streamed_.size()); ++i)
    streamed_[i]->expect(marks[i], reader);
  for (size_t i = 0; i < std::min(marks.size(), manifests_.size()); ++i)
    if (compare(marks[i], manifests_[i]) != data::Agreement::kSame)
      throw Error(
          train_[std::min(i, train_.size() - 1)]->name() + " holds another text than " + reader +
          " was trained on, though it was prepared alike: its shards have other "
          "contents; restore the folder, or start this training anew in another output_dir");
}

std::optional<double> TrainingData::known_epochs(int64_t steps) const {
  const auto is_whole = [](const auto& dataset) { return dataset->is_complete(); };
  if (!std::all_of(streamed_.begin(), streamed_.end(), is_whole)) return std::nullopt;
  return epochs(steps);
}

void TrainingData::wait_for_evaluation(int64_t batches,
                                       const std::function<void()>& meanwhile) const {
  if (!wait_for_validation_) return;
  constexpr int64_t kAll = int64_t{1} << 40;  // tokens, and more than a split has
  const int64_t most = kAll / validation_windows_->sequence_len();
  const int64_t rows = batches_->rows();
  wait_for_validation_(batches > most / rows ? most : batches * rows, meanwhile);
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
  if (is_by_length(config) && config.shuffle_window)
    throw Error(
        "group_by_length and shuffle_window are two orders of samples; leave one of them out");
  const std::vector<Path> folders = folders_of(config);
  auto validation = std::make_unique<data::TokenStream>(folders, data::Split::kValidation);
  open_train_streams(config, folders);
  for (const auto& stream : train_) stream->check_vocabulary(vocab_size);
  if (validation->tokens() > 1) validation_ = std::move(validation);
  else if (config.eval_steps)
    throw Error(train_.front()->name() +
                " has no validation split beside it, but eval_steps asks for one; " +
                "make one with `weft prepare --val-split hash:0.05`, or leave eval_steps out");
  std::vector<data::DatasetManifest> manifests;
  for (const Path& folder : folders) manifests.push_back(data::read_manifest(folder));
  tell_order(config, manifests);
  if (config.shuffle_window) manifests_ = std::move(manifests);
}

void TrainingData::open_streamed(const PretrainConfig& config, int64_t vocab_size) {
  check_streamable(config);
  std::vector<data::DatasetManifest> manifests;
  for (const DatasetConfig& dataset : config.datasets) {
    streamed_.push_back(std::make_unique<data::StreamedDataset>(
        dataset.path,
        data::StreamOptions{.timeout_seconds = static_cast<double>(config.data_timeout)}));
    manifests.push_back(streamed_.back()->manifest());
  }
  check_streamed(config, vocab_size);
  tell_order(config, manifests);
  tell_streamed(config);
}

void TrainingData::check_streamed(const PretrainConfig& config, int64_t vocab_size) const {
  const data::TokenStream& first = streamed_.front()->stream(data::Split::kTrain);
  bool has_validation = false;
  for (const auto& dataset : streamed_) {
    const data::TokenStream& stream = dataset->stream(data::Split::kTrain);
    stream.check_vocabulary(vocab_size);
    if (stream.tokenizer_hash() != first.tokenizer_hash())
      throw Error("the " + stream.name() + " is made with another tokenizer than the " +
                  first.name() + "; prepare all datasets of a run with the same one");
    has_validation |= dataset->manifest().split_size > 0;
  }
  if (config.eval_steps && !has_validation)
    throw Error(quote_path(streamed_.front()->folder()) +
                " is prepared without a validation split, but eval_steps asks "
                "for one; leave eval_steps out");
}

void TrainingData::tell_streamed(const PretrainConfig& config) {
  for (const auto& dataset : streamed_) {
    if (dataset->is_complete()) continue;
    std::string notice = quote_path(dataset->folder()) +
                         " is still being prepared: steps wait for the samples of their window";
    if (dataset->manifest().split_size > 0 && streamed_.size() > 1)
      notice += "; evaluations wait until all datasets are whole";
    else if (dataset->manifest().split_size > 0 && !config.eval_batches)
      notice +=
          "; evaluations wait for all of the validation split, eval_batches would let them wait "
          "for a part of it";
    notices_.push_back(std::move(notice));
  }
}

void TrainingData::tell_order(const PretrainConfig& config,
                              const std::vector<data::DatasetManifest>& manifests) {
  for (size_t i = 0; i < manifests.size(); ++i) {
    check_split(config, config.datasets[i].path, manifests[i]);
    order_ += content_of(config.datasets[i], manifests[i], has_weights(config),
                         config.shuffle_window.has_value());
  }
  order_ += "sequence_len " + std::to_string(config.sequence_len) + ", sequences per step " +
            std::to_string(config.sequences_per_step()) + ", document_mask " +
            (config.document_mask ? "true" : "false") + packing_text(config) +
            curriculum_text(config);
  if (config.shuffle_window) order_ += ", shuffle window " + std::to_string(*config.shuffle_window);
  order_ += ", seed " + std::to_string(config.seed);
}

void TrainingData::open_tokenizer(const PretrainConfig& config) {
  const data::TokenStream& train =
      is_streamed() ? streamed_.front()->stream(data::Split::kTrain) : *train_.front();
  const Path& folder = config.datasets.front().path;
  tokenizer_ =
      text::load_tokenizer(config.tokenizer.value_or(data::current_folder(folder).string()));
  if (data::tokenizer_hash(*tokenizer_) != train.tokenizer_hash())
    throw Error("the tokenizer '" + config.tokenizer.value_or(config.datasets.front().path) +
                "' is not the one that the " + train.name() +
                " was made with; prepare the data again or name its tokenizer");
  tell_other_tokenizer(config);
}

// A base model knows the ids of its own tokenizer. A file that another tool wrote anew has another
// hash and may give the same ids, so that this is no error.
void TrainingData::tell_other_tokenizer(const PretrainConfig& config) {
  if (!config.base_model || !text::has_tokenizer(*config.base_model)) return;
  const auto of_model = text::load_tokenizer(*config.base_model);
  if (data::tokenizer_hash(*of_model) == data::tokenizer_hash(*tokenizer_)) return;
  notices_.push_back("the data was made with another tokenizer file than that of base_model " +
                     quote_path(*config.base_model) +
                     "; unless both give the same ids, the model reads other text than it learned "
                     "from");
}

}  // namespace weft::train
