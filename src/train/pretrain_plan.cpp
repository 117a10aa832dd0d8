#include "train/pretrain_plan.h"

#include <algorithm>

#include "nn/decoder.h"
#include "weft/kernel_choice.h"

namespace weft::train {
namespace {

nn::TrainingGraphOptions training_options(const PretrainConfig& config) {
  return {.batch = config.micro_batch_size,
          .time = config.sequence_len,
          .key_range = config.document_mask,
          .dropout_key = static_cast<uint64_t>(config.seed),
          .loss = {.label_smoothing = config.label_smoothing, .z_loss = config.z_loss}};
}

StepGraphOptions step_options(const PretrainConfig& config) {
  return {.compute = config.compute_type(),
          .recompute = config.gradient_checkpointing,
          .optimizer = config.optimizer_options()};
}

// What is measured may differ from run to run, and with it the last bits.
KernelChoice kernels_on_device(const PretrainConfig& config) {
  const bool measures = config.kernels == KernelChoice::kAuto;
  return config.deterministic && measures ? KernelChoice::kOwn : config.kernels;
}

// A run that saves only at its end has nothing to go on with meanwhile.
bool saves_in_background(const PretrainConfig& config) {
  return config.save_in_background && (config.save_steps || config.load_best_model_at_end);
}

}  // namespace

generate::CacheOptions sample_cache(const PretrainConfig& config) {
  constexpr int64_t kPromptTokens = 64;
  return {.capacity = std::min(config.model->max_position_embeddings,
                               kPromptTokens + config.sample_max_new_tokens),
          .chunk = 16,
          .compute = config.compute_type()};
}

int64_t longest_prompt(const PretrainConfig& config) {
  return sample_cache(config).capacity - 1;
}

SessionPlan plan_pretraining(const PretrainConfig& config, int threads, bool on_device) {
  runtime::check_kernels(config.kernels, on_device, "device: " + config.device);
  choose_kernels(config.kernels);
  const nn::DecoderSpec spec = nn::decoder_spec(*config.model);
  nn::TrainingGraphOptions options = training_options(config);
  Graph training, evaluation;
  const Value loss = nn::build_loss(training, spec, options);
  StepGraph step = build_step_graph(training.data(), loss, step_options(config));
  options.dropout = false;
  options.loss = {};
  const Value eval_loss = nn::build_loss(evaluation, spec, options);
  std::vector<ForwardGraph> forwards;
  forwards.push_back(runtime::build_forward_graph("evaluation", evaluation.data(), {eval_loss},
                                                  config.compute_type()));
  if (!config.sample_prompts.empty())
    for (ForwardGraph& graph : generate::generation_graphs(spec, sample_cache(config)))
      forwards.push_back(std::move(graph));
  return plan_session(
      std::move(step), std::move(forwards),
      {.threads = threads,
       .with_snapshot = saves_in_background(config),
       .on_device = on_device,
       .micro_batches = static_cast<int>(config.gradient_accumulation_steps.value_or(1)),
       .split_step = config.spike_policy != SpikePolicy::kWarn,
       .kernels = kernels_on_device(config),
       .deterministic = config.deterministic});
}

void show_passes(const PretrainConfig& config,
                 const std::function<void(std::string_view, const graph::GraphData&)>& show) {
  Graph training;
  const Value loss =
      nn::build_loss(training, nn::decoder_spec(*config.model), training_options(config));
  show("build", training.data());
  StepGraphOptions options = step_options(config);
  options.after_pass = show;
  build_step_graph(training.data(), loss, options);
}

}  // namespace weft::train
