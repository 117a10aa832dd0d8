// The batches of a run: which tokens, in which order, how many steps they last.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/sampler.h"
#include "data/sequences.h"
#include "data/streamed_dataset.h"
#include "data/token_stream.h"
#include "text/tokenizer.h"
#include "train/pretrain_config.h"

namespace weft::train {

// Where training may begin while `weft prepare` writes, that may just have been started:
// data::wait_for_arrival() for each dataset. `meanwhile` is told what is waited for.
void wait_for_datasets(const PretrainConfig& config, double arrival_seconds,
                       const std::function<void(const std::string& what)>& meanwhile);

class TrainingData {
 public:
  // Throws Error if a dataset is missing, damaged, made with another tokenizer than the config
  // names, or has tokens that a model of `vocab_size` lacks.
  TrainingData(const PretrainConfig& config, int64_t vocab_size);

  const data::BatchSource& batches() const { return *batches_; }
  // Null if there is no validation split.
  const data::EvaluationBatches* evaluation() const { return evaluation_.get(); }
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  int64_t total_steps() const { return total_steps_; }
  double epochs(int64_t steps) const { return batches_->epochs(steps); }
  // Unset while the dataset is not whole, and its size unknown.
  std::optional<double> known_epochs(int64_t steps) const;
  // `weft prepare` was still writing the dataset when the run began.
  bool is_streamed() const { return !streamed_.empty(); }
  // What of it is waited for, in words; "" for nothing.
  std::string waiting_for() const;
  // Returns when evaluation() has its first `batches` batches, or is whole. As
  // StreamedDataset::wait_for().
  void wait_for_evaluation(int64_t batches, const std::function<void()>& meanwhile) const;
  // Tells two orders of samples apart: what they depend on, in words.
  const std::string& order() const { return order_; }
  // What there is of each dataset now, where order() cannot tell their contents because training
  // may begin before they are known; otherwise nothing.
  std::vector<data::ContentMark> marks() const;
  // Throws Error, now or when samples are waited for, unless the datasets begin with what they had
  // when `reader` trained on them.
  void expect(const std::vector<data::ContentMark>& marks, const std::string& reader);
  // What a user should know of how documents became samples.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  void open_streams(const PretrainConfig& config, int64_t vocab_size);
  void open_train_streams(const PretrainConfig& config, const std::vector<Path>& folders);
  void open_streamed(const PretrainConfig& config, int64_t vocab_size);
  void check_streamed(const PretrainConfig& config, int64_t vocab_size) const;
  void tell_streamed(const PretrainConfig& config);
  void tell_order(const PretrainConfig& config,
                  const std::vector<data::DatasetManifest>& manifests);
  std::vector<data::WeightedSequences> train_sequences(const PretrainConfig& config);
  void open_validation(const PretrainConfig& config);
  void open_streamed_validation(const data::WindowOptions& windows);
  void open_tokenizer(const PretrainConfig& config);
  void tell_other_tokenizer(const PretrainConfig& config);
  void tell_epochs(const PretrainConfig& config);
  // The samples of the next train stream.
  std::unique_ptr<data::TokenSequences> sequences_of(const PretrainConfig& config,
                                                     const data::TokenStream& stream);

  std::unique_ptr<const text::Tokenizer> tokenizer_;
  std::vector<std::unique_ptr<data::TokenStream>> train_;  // one, or one for each weighted dataset
  std::unique_ptr<data::TokenStream> validation_;
  std::vector<std::unique_ptr<data::StreamedDataset>> streamed_;  // instead of both, each dataset
  std::vector<std::unique_ptr<data::TokenSequences>> sequences_;  // of each train stream
  std::unique_ptr<data::TokenSequences> validation_windows_;
  // Returns when there are so many validation windows; of streamed data.
  std::function<void(int64_t, const std::function<void()>&)> wait_for_validation_;
  std::vector<data::DatasetManifest> manifests_;  // of whole datasets that are read in windows
  std::unique_ptr<data::ShuffledBatches> batches_;
  std::unique_ptr<data::EvaluationBatches> evaluation_;
  int64_t total_steps_ = 0;
  std::string order_;
  std::vector<std::string> notices_;
};

}  // namespace weft::train
