// Everything a pretraining run is told: the keys of configs/pretrain/*.yaml, their limits, defaults
// and meanings. It reads no file and starts nothing (train/load_pretrain_config.h reads one).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tree/report.h"
#include "core/tree/tree.h"
#include "nn/model_config.h"
#include "optim/schedule.h"
#include "weft/kernel_choice.h"
#include "weft/optimizer.h"
#include "weft/recompute.h"
#include "weft/visit.h"

namespace weft::train {

enum class Precision { kFp32, kBf16 };

constexpr std::string_view name_of(Precision precision) {
  return precision == Precision::kFp32 ? "fp32" : "bf16";
}
constexpr auto values_of(Precision) {
  return std::array{Precision::kFp32, Precision::kBf16};
}

enum class SplitBy { kHash, kTail };

constexpr std::string_view name_of(SplitBy by) {
  return by == SplitBy::kHash ? "hash" : "tail";
}
constexpr auto values_of(SplitBy) {
  return std::array{SplitBy::kHash, SplitBy::kTail};
}

// How documents share samples. TRL's names.
enum class PackingStrategy { kWrapped, kBestFit };

constexpr std::string_view name_of(PackingStrategy strategy) {
  return strategy == PackingStrategy::kWrapped ? "wrapped" : "bfd";
}
constexpr auto values_of(PackingStrategy) {
  return std::array{PackingStrategy::kWrapped, PackingStrategy::kBestFit};
}

// What a run does when a loss or a gradient is NaN or infinite; the step changes nothing in any
// case.
enum class NonFinitePolicy { kSkip, kRewind, kStop };

constexpr std::string_view name_of(NonFinitePolicy policy) {
  if (policy == NonFinitePolicy::kSkip) return "skip";
  return policy == NonFinitePolicy::kRewind ? "rewind" : "stop";
}
constexpr auto values_of(NonFinitePolicy) {
  return std::array{NonFinitePolicy::kSkip, NonFinitePolicy::kRewind, NonFinitePolicy::kStop};
}

// What it does when the loss jumps.
enum class SpikePolicy { kWarn, kSkip, kRewind, kStop };

constexpr std::string_view name_of(SpikePolicy policy) {
  if (policy == SpikePolicy::kWarn) return "warn";
  if (policy == SpikePolicy::kSkip) return "skip";
  return policy == SpikePolicy::kRewind ? "rewind" : "stop";
}
constexpr auto values_of(SpikePolicy) {
  return std::array{SpikePolicy::kWarn, SpikePolicy::kSkip, SpikePolicy::kRewind,
                    SpikePolicy::kStop};
}

struct DatasetConfig {
  std::string path;
  double weight = 1;
  std::optional<double> share;

  template <class Visitor>
  void visit(Visitor&& v);
  bool operator==(const DatasetConfig&) const = default;
};

// Other weights of the datasets for a part of the run.
struct CurriculumStage {
  int64_t until_step = 0;
  std::vector<double> weights;

  template <class Visitor>
  void visit(Visitor&& v);
  bool operator==(const CurriculumStage&) const = default;
};

struct ValSplit {
  SplitBy by = SplitBy::kHash;
  double size = 0.05;

  template <class Visitor>
  void visit(Visitor&& v);
  bool operator==(const ValSplit&) const = default;
};

struct PretrainConfig {
  // The model: one of three. load_pretrain_config fills `model` in any case.
  std::optional<nn::ModelConfig> model;
  std::optional<std::string> base_config;
  std::optional<std::string> base_model;

  // Data.
  std::optional<std::string> tokenizer;
  std::vector<DatasetConfig> datasets;
  std::vector<CurriculumStage> curriculum;
  std::optional<ValSplit> val_split;
  int64_t sequence_len = 0;
  bool sample_packing = true;
  PackingStrategy packing_strategy = PackingStrategy::kWrapped;
  bool group_by_length = false;
  std::optional<int64_t> shuffle_window;
  int64_t data_timeout = 3600;
  bool document_mask = true;

  // Batch and length. After load_pretrain_config the accumulation is set, by whichever key.
  int64_t micro_batch_size = 1;
  std::optional<int64_t> gradient_accumulation_steps;
  std::optional<int64_t> global_batch_size;
  std::optional<int64_t> global_batch_tokens;
  std::optional<int64_t> max_steps;
  std::optional<double> num_epochs;
  std::optional<int64_t> max_tokens;

  // Optimization.
  OptimizerKind optimizer = OptimizerKind::kAdamW;
  double learning_rate = 3e-4;
  optim::ScheduleKind lr_scheduler = optim::ScheduleKind::kCosine;
  std::optional<int64_t> warmup_steps;
  std::optional<double> warmup_ratio;
  double min_lr_ratio = 0;
  double wsd_decay_ratio = 0.2;
  optim::DecayForm wsd_decay_type = optim::DecayForm::kCosine;
  std::optional<int64_t> inverse_sqrt_timescale;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.95;
  double adam_epsilon = 1e-8;
  std::optional<double> momentum;
  double weight_decay = 0.1;
  double max_grad_norm = 1;
  double label_smoothing = 0;
  double z_loss = 0;
  NonFinitePolicy non_finite_policy = NonFinitePolicy::kSkip;
  SpikePolicy spike_policy = SpikePolicy::kWarn;

  // Machine and arithmetic.
  Precision precision = Precision::kFp32;
  RecomputeMode gradient_checkpointing = RecomputeMode::kNone;
  std::string device = "auto";
  std::optional<int64_t> threads;
  int64_t seed = 42;
  bool deterministic = false;
  KernelChoice kernels = KernelChoice::kAuto;

  // Evaluation and samples.
  std::optional<int64_t> eval_steps;
  std::optional<int64_t> eval_batches;
  std::optional<int64_t> early_stopping_patience;
  std::vector<std::string> sample_prompts;
  std::optional<int64_t> sample_steps;
  int64_t sample_max_new_tokens = 64;
  double sample_temperature = 0.8;

  // Files.
  std::string output_dir;
  std::optional<int64_t> save_steps;
  bool save_in_background = false;
  std::optional<int64_t> save_total_limit;
  std::optional<int64_t> save_keep_every;
  bool keep_best_checkpoint = true;
  bool load_best_model_at_end = false;
  std::string resume_from_checkpoint = "auto";
  bool resume_with_other_data = false;
  int64_t logging_steps = 1;
  std::vector<std::string> report_to = {"tensorboard", "html"};

  template <class Visitor>
  void visit(Visitor&& v);  // pretrain_config_fields.h

  // See core/tree/fields.h.
  static void accept(Tree& layer, Report& report);
  static bool complete(Tree& map, Report& report);
  void finish(const Tree& map, Report& report);
  std::string_view written_name(std::string_view field) const;

  // Whether a step that goes wrong may send the run back to a checkpoint.
  bool may_rewind() const {
    return non_finite_policy == NonFinitePolicy::kRewind || spike_policy == SpikePolicy::kRewind;
  }

  OptimizerOptions optimizer_options() const;
  // The rates of a run of `total_steps`.
  optim::ScheduleOptions schedule_options(int64_t total_steps) const;
  DType compute_type() const { return precision == Precision::kBf16 ? DType::kBF16 : DType::kF32; }
  // Sequences in one optimizer step of one rank.
  int64_t sequences_per_step() const {
    return micro_batch_size * gradient_accumulation_steps.value_or(1);
  }

  bool operator==(const PretrainConfig&) const = default;

 private:
  template <class Visitor>
  void visit_model_and_data(Visitor& v);
  template <class Visitor>
  void visit_batch(Visitor& v);
  template <class Visitor>
  void visit_optimizer(Visitor& v);
  template <class Visitor>
  void visit_trouble(Visitor& v);
  template <class Visitor>
  void visit_schedule(Visitor& v);
  template <class Visitor>
  void visit_machine(Visitor& v);
  template <class Visitor>
  void visit_evaluation(Visitor& v);
  template <class Visitor>
  void visit_files(Visitor& v);
};

}  // namespace weft::train

#include "train/pretrain_config_fields.h"
