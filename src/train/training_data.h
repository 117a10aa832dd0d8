// The batches of a run: which tokens, in which order, how many steps they last.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "data/sampler.h"
#include "data/sequences.h"
#include "data/token_stream.h"
#include "text/tokenizer.h"
#include "train/pretrain_config.h"

namespace weft::train {

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
  int64_t training_tokens() const { return train_->tokens(); }
  int64_t validation_tokens() const { return validation_ ? validation_->tokens() : 0; }
  // Tells two orders of samples apart: what they depend on, in words.
  const std::string& order() const { return order_; }

 private:
  void open_streams(const PretrainConfig& config, int64_t vocab_size);
  void open_tokenizer(const PretrainConfig& config);

  std::unique_ptr<const text::Tokenizer> tokenizer_;
  std::unique_ptr<data::TokenStream> train_, validation_;
  std::unique_ptr<data::TokenWindows> windows_, validation_windows_;
  std::unique_ptr<data::ShuffledBatches> batches_;
  std::unique_ptr<data::EvaluationBatches> evaluation_;
  int64_t total_steps_ = 0;
  std::string order_;
};

}  // namespace weft::train
