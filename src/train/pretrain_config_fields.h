// The keys of PretrainConfig: names, limits and meanings.
// train/pretrain_config.h includes it at its end, and nothing else does.
#pragma once

namespace weft::train {

inline constexpr double kMaxConfigCount = 1e15;  // exact in a double
inline constexpr int64_t kMaxAccumulation = 1 << 20;

template <class Visitor>
void DatasetConfig::visit(Visitor&& v) {
  v("path", path, {.help = "folder that `weft prepare` wrote", .required = true});
  v("weight", weight,
    {.help = "how often each of its samples comes, relative to those of the other datasets",
     .min = 0,
     .above_min = true});
  v("share", share,
    {.help = "instead of weight, for all datasets: its share of the samples, whatever its size, in "
             "any unit; weights of a curriculum then are shares as well",
     .min = 0,
     .above_min = true});
}

template <class Visitor>
void CurriculumStage::visit(Visitor&& v) {
  v("until_step", until_step,
    {.help = "the stage's last step", .min = 1, .max = kMaxConfigCount, .required = true});
  v("weights", weights,
    {.help = "of each dataset, in their order; 0 leaves one out", .min = 0, .required = true});
}

template <class Visitor>
void ValSplit::visit(Visitor&& v) {
  v("by", by, {.help = "hash: each document by its content; tail: the last ones"});
  v("size", size,
    {.help = "share of the documents held out",
     .min = 0,
     .max = 1,
     .above_min = true,
     .below_max = true});
}

template <class Visitor>
void PretrainConfig::visit(Visitor&& v) {
  visit_model_and_data(v);
  visit_batch(v);
  visit_optimizer(v);
  visit_schedule(v);
  visit_trouble(v);
  visit_machine(v);
  visit_evaluation(v);
  visit_files(v);
}

template <class Visitor>
void PretrainConfig::visit_model_and_data(Visitor& v) {
  v("model", model, {.help = "sizes of a model that starts from random weights"});
  v("base_config", base_config,
    {.help = "instead of model: a name from configs/models, or a folder with a config.json, whose "
             "sizes are taken"});
  v("base_model", base_model,
    {.help = "instead of model: a Hugging Face folder whose weights are trained further",
     .aliases = "model_name_or_path model"});
  v("tokenizer", tokenizer,
    {.help = "tokenizer.json or its folder, `bytes` or `chars`. Unset: the one of the datasets"});
  v("datasets", datasets,
    {.help = "what to train on", .required = true, .aliases = "dataset", .one_or_more = true});
  v("curriculum", curriculum,
    {.help = "stages of the run with other weights, one after the other; then come the datasets' "
             "own",
     .one_or_more = true});
  v("val_split", val_split,
    {.help = "the split that the datasets must have been prepared with; `val_set_size: X` is read "
             "as {by: hash, size: X}, and 0 or none as unset. Unset: any",
     .unset_word = "null"});
  v("sequence_len", sequence_len,
    {.help = "length of a sample",
     .min = 1,
     .max = 1 << 24,
     .required = true,
     .aliases = "cutoff_len max_length max_seq_length seq_length",
     .unit = "tokens"});
  v("sample_packing", sample_packing,
    {.help = "fill each sample with several documents; false: each has one, padded; longer ones "
             "are cut, never dropped",
     .aliases = "packing"});
  v("packing_strategy", packing_strategy,
    {.help = "wrapped: documents end to end, cut into samples wherever they end; bfd: whole "
             "documents, best fit decreasing, with little padding"});
  v("group_by_length", group_by_length,
    {.help = "without sample_packing: the samples of a micro-batch are of about one length"});
  v("shuffle_window", shuffle_window,
    {.help =
         "shuffle samples within windows of this many, window after window, so that training may "
         "start while `weft prepare` still writes the dataset. Unset: the whole epoch is one",
     .min = 1,
     .max = kMaxConfigCount,
     .unit = "samples"});
  v("data_timeout", data_timeout,
    {.help = "how long `weft prepare` may give no news before waiting for it is given up",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true,
     .unit = "s"});
  v("document_mask", document_mask,
    {.help = "tokens see only their own document, however samples are packed"});
}

template <class Visitor>
void PretrainConfig::visit_batch(Visitor& v) {
  v("micro_batch_size", micro_batch_size,
    {.help = "sequences computed at once on one device",
     .min = 1,
     .max = 1 << 20,
     .aliases = "per_device_train_batch_size train_micro_batch_size_per_gpu",
     .unit = "sequences"});
  v("gradient_accumulation_steps", gradient_accumulation_steps,
    {.help = "micro-batches in one optimizer step. Unset: from global_batch_size or "
             "global_batch_tokens, else 1",
     .min = 1,
     .max = kMaxAccumulation,
     .aliases = "optimizer-delay"});
  v("global_batch_size", global_batch_size,
    {.help = "sequences in one optimizer step",
     .min = 1,
     .max = kMaxConfigCount,
     .aliases = "train_batch_size total_batch_size",
     .unit = "sequences"});
  v("global_batch_tokens", global_batch_tokens,
    {.help = "tokens in one optimizer step, instead of global_batch_size",
     .min = 1,
     .max = kMaxConfigCount,
     .unit = "tokens",
     .count_unit = 't'});
  v("max_steps", max_steps,
    {.help = "length of the run: this, num_epochs or max_tokens",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true,
     .unit = "steps",
     .count_unit = 'u'});
  v("num_epochs", num_epochs,
    {.help = "length of the run in passes over the data",
     .min = 0,
     .max = 1e6,
     .above_min = true,
     .may_change = true,
     .aliases = "num_train_epochs",
     .unit = "epochs",
     .count_unit = 'e'});
  v("max_tokens", max_tokens,
    {.help = "length of the run in tokens",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true,
     .unit = "tokens",
     .count_unit = 't'});
}

template <class Visitor>
void PretrainConfig::visit_optimizer(Visitor& v) {
  v("optimizer", optimizer, {.help = "rule of the update"});
  v("learning_rate", learning_rate,
    {.help = "largest learning rate",
     .min = 0,
     .above_min = true,
     .may_change = true,
     .aliases = "lr"});
  v("weight_decay", weight_decay,
    {.help = "decoupled decay of parameters with two or more dimensions",
     .min = 0,
     .max = 1,
     .may_change = true});
  v("adam_beta1", adam_beta1,
    {.help = "decay of the mean gradient (adamw, lion, muon's other parameters)",
     .min = 0,
     .max = 1,
     .below_max = true,
     .may_change = true});
  v("adam_beta2", adam_beta2,
    {.help = "decay of the mean square (adamw, muon's other parameters), of the mean (lion)",
     .min = 0,
     .max = 1,
     .below_max = true,
     .may_change = true});
  v("adam_epsilon", adam_epsilon,
    {.help = "added to the root of the mean square (adamw, muon's other parameters)",
     .min = 0,
     .max = 1,
     .may_change = true});
  v("momentum", momentum,
    {.help = "decay of the momentum (sgd, muon). Unset: 0.9 for sgd, 0.95 for muon",
     .min = 0,
     .max = 1,
     .below_max = true,
     .may_change = true});
  v("max_grad_norm", max_grad_norm,
    {.help = "the gradient is scaled down to this norm; 0: never",
     .min = 0,
     .may_change = true,
     .aliases = "clip_grad gradient_clipping"});
  v("label_smoothing", label_smoothing,
    {.help = "share of the target spread over the whole vocabulary",
     .min = 0,
     .max = 1,
     .below_max = true,
     .may_change = true,
     .aliases = "label_smoothing_factor"});
  v("z_loss", z_loss,
    {.help = "weight of the squared log-partition in the loss (PaLM)",
     .min = 0,
     .may_change = true});
}

template <class Visitor>
void PretrainConfig::visit_schedule(Visitor& v) {
  v("lr_scheduler", lr_scheduler,
    {.help = "course of the learning rate after warmup",
     .may_change = true,
     .aliases = "lr_scheduler_type"});
  v("warmup_steps", warmup_steps,
    {.help = "steps in which the rate rises from 0; a fraction is read as warmup_ratio",
     .min = 0,
     .max = kMaxConfigCount,
     .may_change = true,
     .unit = "steps"});
  v("warmup_ratio", warmup_ratio,
    {.help = "the same as a share of the whole run", .min = 0, .max = 1, .may_change = true});
  v("min_lr_ratio", min_lr_ratio,
    {.help = "where linear, cosine and wsd end, as a share of learning_rate",
     .min = 0,
     .max = 1,
     .may_change = true});
  v("wsd_decay_ratio", wsd_decay_ratio,
    {.help = "share of the run in which wsd falls at the end",
     .min = 0,
     .max = 1,
     .may_change = true});
  v("wsd_decay_type", wsd_decay_type, {.help = "shape of wsd's fall", .may_change = true});
  v("inverse_sqrt_timescale", inverse_sqrt_timescale,
    {.help = "steps over which inverse_sqrt falls to 1/sqrt(2). Unset: the warmup, or 10000",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true,
     .unit = "steps"});
}

template <class Visitor>
void PretrainConfig::visit_trouble(Visitor& v) {
  v("non_finite_policy", non_finite_policy,
    {.help =
         "a step whose loss or gradient is NaN or infinite changes no parameter, and then: skip: "
         "the run goes on; rewind: it goes on with the weights of the last checkpoint of "
         "save_steps, after the batches in between; stop: it ends with exit code 5. Ten such "
         "steps in a row end it in any case",
     .may_change = true});
  v("spike_policy", spike_policy,
    {.help =
         "the same where the loss jumps far above its running quantiles; warn: it is told and the "
         "step counts",
     .may_change = true});
}

template <class Visitor>
void PretrainConfig::visit_machine(Visitor& v) {
  v("precision", precision,
    {.help = "type of activations and matrix products; weights and sums are fp32. `bf16: true` is "
             "read as bf16"});
  v("gradient_checkpointing", gradient_checkpointing,
    {.help = "what is computed again in the backward pass instead of kept; true is read as full, "
             "false as none",
     .may_change = true,
     .aliases = "recompute_granularity"});
  v("device", device,
    {.help = "where to compute. auto: on the GPU where one can be used, else on the CPU; `weft "
             "devices` says what there is. gpu is read as cuda",
     .may_change = true,
     .choices = "auto cpu cuda"});
  v("threads", threads,
    {.help = "threads of the CPU. auto: as many as the process may use",
     .min = 1,
     .max = 4096,
     .may_change = true,
     .unset_word = "auto"});
  v("seed", seed,
    {.help = "start of all random numbers: weights, order of the data, dropout", .min = 0});
  v("deterministic", deterministic,
    {.help = "the same weights, bit for bit, however often the run was stopped and on however many "
             "threads"});
  v("kernels", kernels,
    {.help =
         "auto: the fastest; on a GPU measured once for each matrix product and attention (own, if "
         "deterministic). On the CPU also reference: slow, plain kernels that give the same "
         "bits on every processor of an architecture. On a GPU also own: those of Weft; "
         "vendor: cuBLASLt and cuDNN where they are installed and have one",
     .may_change = true});
}

template <class Visitor>
void PretrainConfig::visit_evaluation(Visitor& v) {
  v("eval_steps", eval_steps,
    {.help = "steps from one evaluation to the next. Unset: only at the end",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true,
     .aliases = "eval_interval",
     .unit = "steps"});
  v("eval_batches", eval_batches,
    {.help = "micro-batches of one evaluation at most. Unset: the whole split",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true});
  v("early_stopping_patience", early_stopping_patience,
    {.help = "stop after this many evaluations without a better loss; needs eval_steps",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true});
  v("sample_prompts", sample_prompts,
    {.help = "texts that the model continues during the run",
     .may_change = true,
     .one_or_more = true});
  v("sample_steps", sample_steps,
    {.help = "steps from one set of samples to the next. Unset: at each evaluation",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true,
     .unit = "steps"});
  v("sample_max_new_tokens", sample_max_new_tokens,
    {.help = "length of a sample", .min = 1, .max = 1 << 20, .may_change = true, .unit = "tokens"});
  v("sample_temperature", sample_temperature,
    {.help = "0: the likeliest token always", .min = 0, .max = 100, .may_change = true});
}

template <class Visitor>
void PretrainConfig::visit_files(Visitor& v) {
  v("output_dir", output_dir,
    {.help = "folder of the run: checkpoints, logs, report", .required = true, .may_change = true});
  v("save_steps", save_steps,
    {.help = "steps from one checkpoint to the next. Unset: only at the end",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true,
     .aliases = "save_interval",
     .unit = "steps"});
  v("save_in_background", save_in_background,
    {.help = "training goes on while a checkpoint is written; takes memory for a second copy of "
             "weights and optimizer state, which `weft plan` counts",
     .may_change = true});
  v("save_total_limit", save_total_limit,
    {.help = "checkpoints kept, the best one not counted. Unset: all",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true});
  v("save_keep_every", save_keep_every,
    {.help = "with save_total_limit: checkpoints whose step is a multiple of this are kept too",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true,
     .aliases = "save_retain_interval keep_period",
     .unit = "steps"});
  v("keep_best_checkpoint", keep_best_checkpoint,
    {.help = "keep the checkpoint with the lowest validation loss too", .may_change = true});
  v("load_best_model_at_end", load_best_model_at_end,
    {.help = "end with the weights of the best checkpoint; needs eval_steps and "
             "keep_best_checkpoint",
     .may_change = true});
  v("resume_from_checkpoint", resume_from_checkpoint,
    {.help = "auto: the newest intact checkpoint of output_dir, if there is one; never; or a "
             "checkpoint's folder",
     .may_change = true,
     .aliases = "load"});
  v("resume_with_other_data", resume_with_other_data,
    {.help = "go on although the samples are others, or come in another order: steps count on, and "
             "the new order begins at the place of the step. Otherwise that is refused",
     .may_change = true});
  v("logging_steps", logging_steps,
    {.help = "steps from one log line to the next",
     .min = 1,
     .max = kMaxConfigCount,
     .may_change = true,
     .unit = "steps"});
  v("report_to", report_to,
    {.help = "what is written beside log.jsonl: TensorBoard event files, report.html",
     .may_change = true,
     .choices = "tensorboard html",
     .one_or_more = true});
}

}  // namespace weft::train
