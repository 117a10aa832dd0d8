// Foreign spellings, contradictions between keys, and values that follow from others.
#include "train/pretrain_config.h"

#include <algorithm>
#include <cmath>

#include "core/quote.h"
#include "core/tree/describe_field.h"
#include "core/tree/scalars.h"
#include "core/tree/write.h"

namespace weft::train {
namespace {

// A value as it is written, for notes.
std::string as_written(const Tree& value) {
  if (value.is_scalar() || value.is_null()) return value.text;
  std::string text;
  for (const TreeEntry& entry : value.entries)
    text += (text.empty() ? "" : ", ") + entry.key + ": " + as_written(entry.value);
  return value.is_map() ? "{" + text + "}" : shown(value);
}

// The entry `from` as `to`: another key and value with the place where it was written.
void replace(Tree& layer, std::string_view from, std::string_view to, Tree value, Report& report) {
  TreeEntry* entry = layer.entry(from);
  if (const TreeEntry* other = layer.entry(to); other != nullptr && other != entry)
    report.error(entry->at, "",
                 quote(from) + " and " + quote(to) + " (" + other->at.to_string() +
                     ") say the same; keep one of them");
  else
    report.note(entry->at, "",
                quote(from) + " is read as " + std::string(to) + ": " + as_written(value));
  value.at = entry->value.at;
  entry->value = std::move(value);
  entry->key = to;
}

constexpr std::string_view kNoFp16 =
    "nothing is trained in fp16, whose range would need a scaled loss; use precision: bf16, which "
    "is as fast and has the range of fp32 (weights are read and exported in fp16, too)";

void accept_device(Tree& layer, Report& report) {
  Tree* value = layer.find("device");
  if (value == nullptr || !value->is_word("gpu")) return;
  report.note(value->at, "device", "'gpu' is read as cuda");
  value->text = "cuda";
}

// Hugging Face's switches of a type.
void accept_precision(Tree& layer, Report& report) {
  const Tree* precision = layer.find("precision");
  for (const std::string_view word : {"fp16", "float16", "half"})
    if (precision != nullptr && precision->is_word(word)) {
      report.error(precision->at, "precision", quote(word) + ": " + std::string(kNoFp16));
      layer.erase("precision");
      precision = nullptr;
    }
  for (const std::string_view key : {"bf16", "fp16"}) {
    const Tree* value = layer.find(key);
    if (value == nullptr) continue;
    if (key == "fp16" && value->is_word("true")) report.error(value->at, key, std::string(kNoFp16));
    if (key == "fp16" && (value->is_word("true") || value->is_word("false"))) layer.erase(key);
    else if (value->is_word("true")) replace(layer, key, "precision", Tree::scalar("bf16"), report);
    else if (value->is_word("false"))
      replace(layer, key, "precision", Tree::scalar("fp32"), report);
  }
}

void accept_checkpointing(Tree& layer, Report& report) {
  const std::string_view key = "gradient_checkpointing";
  const Tree* value = layer.find(key);
  if (value == nullptr || value->quoted) return;
  if (value->is_word("true")) replace(layer, key, key, Tree::scalar("full"), report);
  else if (value->is_word("false")) replace(layer, key, key, Tree::scalar("none"), report);
}

// transformers 5 takes a fraction in warmup_steps for a ratio.
void accept_warmup(Tree& layer, Report& report) {
  const Tree* value = layer.find("warmup_steps");
  double fraction = 0;
  std::string ignored;
  if (value == nullptr || !value->is_scalar() || value->quoted) return;
  if (!read_real(value->text, fraction, ignored) || fraction <= 0 || fraction >= 1) return;
  replace(layer, "warmup_steps", "warmup_ratio", Tree::scalar(value->text), report);
}

// What other programs, and `weft prepare`, write for no validation split.
bool is_no_split(const Tree& value) {
  double size = 1;
  std::string ignored;
  if (!value.is_scalar() || value.quoted) return false;
  return value.text == "none" || (read_real(value.text, size, ignored) && size == 0);
}

void accept_split(Tree& layer, Report& report) {
  Tree null;
  null.text = "null";
  for (const std::string_view key : {"val_split", "val_set_size"})
    if (const Tree* given = layer.find(key); given != nullptr && is_no_split(*given))
      return replace(layer, key, "val_split", null, report);
  const Tree* value = layer.find("val_set_size");
  if (value == nullptr || !value->is_scalar()) return;
  Tree split = Tree::map();
  split.at = value->at;
  Tree by = Tree::scalar("hash");
  by.at = value->at;
  split.set("by", std::move(by));
  split.set("size", *value);
  replace(layer, "val_set_size", "val_split", std::move(split), report);
}

void accept_no_reports(Tree& layer) {
  Tree* value = layer.find("report_to");
  if (value == nullptr || !value->is_word("none")) return;
  Tree list = Tree::list();
  list.at = value->at;
  *value = std::move(list);
}

void refuse_both(const Tree& map, std::string_view a, std::string_view b, Report& report) {
  if (!map.gives(a) || !map.gives(b)) return;
  const TreeEntry* first = map.entry(a);
  const TreeEntry* second = map.entry(b);
  // A `model` that is text is base_model, whatever else is called model.
  const bool same_name = first->written == second->written;
  report.error(second->at, "",
               quote(second->written) +
                   (same_name ? ", a text here and so read as " + second->key + "," : "") +
                   " and " + quote(first->written) + " (" + first->at.to_string() +
                   ") are both given; keep one of them (KEY=null on the command line unsets one)");
}

void require_one(const Tree& map, const std::vector<std::string_view>& keys, std::string_view what,
                 Report& report) {
  for (const std::string_view key : keys)
    if (map.gives(key)) return;
  report.error(map.at, "", std::string(what) + ": give " + alternatives(keys));
}

void check_shares(const PretrainConfig& c, const Tree& map, Report& report) {
  const auto has_share = [](const DatasetConfig& d) { return d.share.has_value(); };
  const auto both = [](const DatasetConfig& d) { return d.share && d.weight != 1; };
  const auto fail = [&](const std::string& what) {
    report.error(map.position_of("datasets"), "datasets", what);
  };
  if (std::any_of(c.datasets.begin(), c.datasets.end(), has_share) &&
      !std::all_of(c.datasets.begin(), c.datasets.end(), has_share))
    fail("some datasets have a `share` of the samples and some have not; give one to each or none");
  if (std::any_of(c.datasets.begin(), c.datasets.end(), both))
    fail("a dataset has both `share` and `weight`; keep one of them");
}

void check_curriculum(const PretrainConfig& c, const Tree& map, Report& report) {
  int64_t before = 0;
  for (const CurriculumStage& stage : c.curriculum) {
    const std::string name = "the stage until step " + std::to_string(stage.until_step);
    const auto fail = [&](const std::string& what) {
      report.error(map.position_of("curriculum"), "curriculum", name + " " + what);
    };
    if (stage.weights.size() != c.datasets.size())
      fail("has " + std::to_string(stage.weights.size()) + " weights; give one for each of the " +
           std::to_string(c.datasets.size()) + " datasets");
    if (std::none_of(stage.weights.begin(), stage.weights.end(), [](double w) { return w > 0; }))
      fail("leaves out every dataset; give one a weight above 0");
    if (stage.until_step <= before) fail("does not end after the one before it");
    before = stage.until_step;
  }
}

// A checkpoint can be kept only if it was saved.
void note_kept_steps(const Tree& map, const PretrainConfig& c, Report& report) {
  if (!c.save_keep_every || !c.save_total_limit || !c.save_steps) return;
  if (*c.save_keep_every % *c.save_steps == 0) return;
  report.note(map.position_of("save_keep_every"), "",
              "save_keep_every (" + std::to_string(*c.save_keep_every) +
                  ") is no multiple of save_steps (" + std::to_string(*c.save_steps) + ", " +
                  map.position_of("save_steps").to_string() +
                  "): only the steps that are multiples of both are kept");
}

// What stands there anyway, as in a config that was printed, misleads nobody.
void note_without_effect(const Tree& map, const PretrainConfig& c, Report& report) {
  const Tree defaults = to_tree(PretrainConfig{});
  const auto is_default = [&](std::string_view key) {
    const Tree* value = defaults.find(key);
    return value != nullptr && value->is_scalar() && map.find(key)->is_word(value->text);
  };
  const auto note = [&](std::string_view key, bool has_effect, std::string_view with) {
    if (!has_effect && map.gives(key) && !is_default(key))
      report.note(map.position_of(key), "",
                  std::string(key) + " has no effect with " + std::string(with));
  };
  const std::string optimizer = "optimizer " + std::string(name_of(c.optimizer));
  const std::string schedule = "lr_scheduler " + std::string(name_of(c.lr_scheduler));
  const bool is_sgd = c.optimizer == OptimizerKind::kSgd,
             is_lion = c.optimizer == OptimizerKind::kLion,
             has_betas = !is_sgd && c.optimizer != OptimizerKind::kAdafactor;
  note("momentum", is_sgd || c.optimizer == OptimizerKind::kMuon, optimizer);
  note("adam_beta1", has_betas, optimizer);
  note("adam_beta2", has_betas, optimizer);
  note("adam_epsilon", has_betas && !is_lion, optimizer);
  const std::string packing = c.sample_packing ? "sample_packing: true" : "sample_packing: false";
  note("packing_strategy", c.sample_packing, packing);
  note("group_by_length", !c.sample_packing, packing);
  const bool is_wsd = c.lr_scheduler == optim::ScheduleKind::kWsd;
  note("wsd_decay_ratio", is_wsd, schedule);
  note("wsd_decay_type", is_wsd, schedule);
  note("inverse_sqrt_timescale", c.lr_scheduler == optim::ScheduleKind::kInverseSqrt, schedule);
  note("save_keep_every", c.save_total_limit.has_value(), "save_total_limit unset: all stay");
  note("min_lr_ratio",
       is_wsd || c.lr_scheduler == optim::ScheduleKind::kLinear ||
           c.lr_scheduler == optim::ScheduleKind::kCosine,
       schedule);
}

// Sequences in a step as global_batch_size or global_batch_tokens say it; 0: neither does.
int64_t global_sequences(const PretrainConfig& c, const Tree& map, Report& report) {
  if (c.global_batch_size) return *c.global_batch_size;
  if (!c.global_batch_tokens) return 0;
  if (*c.global_batch_tokens % c.sequence_len == 0) return *c.global_batch_tokens / c.sequence_len;
  const int64_t below = std::max<int64_t>(1, *c.global_batch_tokens / c.sequence_len);
  report.error(map.position_of("global_batch_tokens"), "",
               "global_batch_tokens (" + std::to_string(*c.global_batch_tokens) +
                   ") is not a multiple of sequence_len (" + std::to_string(c.sequence_len) + ", " +
                   map.position_of("sequence_len").to_string() + "); the nearest is " +
                   std::to_string(below * c.sequence_len));
  return 0;
}

void derive_accumulation(PretrainConfig& c, const Tree& map, Report& report) {
  const std::string_view whole = c.global_batch_size ? "global_batch_size" : "global_batch_tokens";
  const int64_t sequences = global_sequences(c, map, report);
  if (sequences == 0) {
    if (!c.gradient_accumulation_steps) c.gradient_accumulation_steps = 1;
    return;
  }
  const std::string micro = "micro_batch_size (" + std::to_string(c.micro_batch_size) + ", " +
                            map.position_of("micro_batch_size").to_string() + ")";
  const std::string given = std::string(whole) + " (" + std::to_string(sequences) + " sequences)";
  if (c.gradient_accumulation_steps &&
      *c.gradient_accumulation_steps * c.micro_batch_size != sequences)
    report.error(map.position_of(whole), "",
                 given + " is not " + micro + " times gradient_accumulation_steps (" +
                     std::to_string(*c.gradient_accumulation_steps) + ", " +
                     map.position_of("gradient_accumulation_steps").to_string() +
                     "); leave one of them out");
  else if (sequences % c.micro_batch_size != 0)
    report.error(map.position_of(whole), "",
                 given + " is not a multiple of " + micro + "; change one of them");
  c.gradient_accumulation_steps = std::max<int64_t>(1, sequences / c.micro_batch_size);
  if (*c.gradient_accumulation_steps > kMaxAccumulation)
    report.error(map.position_of(whole), "",
                 given + " needs " + std::to_string(*c.gradient_accumulation_steps) +
                     " micro-batches of " + micro + " a step; at most " +
                     std::to_string(kMaxAccumulation) + " are allowed");
}

// Samples and tokens of a run are counted in 64 bits.
void check_run_size(const PretrainConfig& c, const Tree& map, Report& report) {
  const int64_t last_stage = c.curriculum.empty() ? 1 : c.curriculum.back().until_step;
  const int64_t steps = std::max(c.max_steps.value_or(1), last_stage);
  const double tokens = static_cast<double>(c.micro_batch_size) *
                        static_cast<double>(*c.gradient_accumulation_steps) *
                        static_cast<double>(c.sequence_len);
  if (static_cast<double>(steps) * tokens > 0x1p62)
    report.error(map.position_of(c.max_steps ? "max_steps" : "micro_batch_size"), "",
                 std::to_string(steps) + " steps of " + std::to_string(c.micro_batch_size) + " x " +
                     std::to_string(*c.gradient_accumulation_steps) + " x " +
                     std::to_string(c.sequence_len) +
                     " tokens are more than can be counted (4.6e18); lower one of them");
}

void check_schedule(const PretrainConfig& c, const Tree& map, Report& report) {
  if (c.warmup_steps && c.max_steps && *c.warmup_steps > *c.max_steps)
    report.error(map.position_of("warmup_steps"), "",
                 "warmup_steps (" + std::to_string(*c.warmup_steps) + ") is more than max_steps (" +
                     std::to_string(*c.max_steps) + ", " +
                     map.position_of("max_steps").to_string() + "); change one of them");
}

void check_evaluation(const PretrainConfig& c, const Tree& map, Report& report) {
  const auto needs = [&](std::string_view key, std::string_view other, std::string_view what) {
    report.error(map.position_of(key), "",
                 std::string(key) + " needs " + std::string(other) + ": " + std::string(what));
  };
  if (c.early_stopping_patience && !c.eval_steps)
    needs("early_stopping_patience", "eval_steps", "it counts evaluations");
  if (c.load_best_model_at_end && !c.eval_steps)
    needs("load_best_model_at_end", "eval_steps", "evaluations find the best");
  if (c.load_best_model_at_end && !c.keep_best_checkpoint)
    needs("load_best_model_at_end", "keep_best_checkpoint",
          "it is false (" + map.position_of("keep_best_checkpoint").to_string() + ")");
  if (c.sample_steps && c.sample_prompts.empty())
    needs("sample_steps", "sample_prompts", "there is nothing to continue");
  if (!c.save_steps && c.may_rewind())
    needs(c.spike_policy == SpikePolicy::kRewind ? "spike_policy" : "non_finite_policy",
          "save_steps", "'rewind' goes back to the last checkpoint");
}

}  // namespace

void PretrainConfig::accept(Tree& layer, Report& report) {
  accept_device(layer, report);
  accept_precision(layer, report);
  accept_checkpointing(layer, report);
  accept_warmup(layer, report);
  accept_split(layer, report);
  accept_no_reports(layer);
}

bool PretrainConfig::complete(Tree& map, Report& report) {
  refuse_both(map, "model", "base_config", report);
  refuse_both(map, "model", "base_model", report);
  refuse_both(map, "base_config", "base_model", report);
  refuse_both(map, "max_steps", "num_epochs", report);
  refuse_both(map, "max_steps", "max_tokens", report);
  refuse_both(map, "num_epochs", "max_tokens", report);
  refuse_both(map, "warmup_steps", "warmup_ratio", report);
  refuse_both(map, "global_batch_size", "global_batch_tokens", report);
  require_one(map, {"model", "base_config", "base_model"}, "there is no model", report);
  require_one(map, {"max_steps", "num_epochs", "max_tokens"}, "the run has no length", report);
  return true;
}

void PretrainConfig::finish(const Tree& map, Report& report) {
  if (datasets.empty())
    report.error(map.position_of("datasets"), "datasets",
                 "the list is empty; give at least one {path: FOLDER}");
  if (resume_from_checkpoint == "true" || resume_from_checkpoint == "false")
    report.error(map.find("resume_from_checkpoint")->at, "resume_from_checkpoint",
                 quote(resume_from_checkpoint) + " is not known; allowed: auto, never or a folder");
  derive_accumulation(*this, map, report);
  check_schedule(*this, map, report);
  check_evaluation(*this, map, report);
  check_shares(*this, map, report);
  check_curriculum(*this, map, report);
  check_run_size(*this, map, report);
  note_without_effect(map, *this, report);
  note_kept_steps(map, *this, report);
}

std::string_view PretrainConfig::written_name(std::string_view field) const {
  if (field == "model" && base_model) return "";  // the folder says it
  if (field == "base_config" && model) return "";
  return field;
}

OptimizerOptions PretrainConfig::optimizer_options() const {
  const bool is_muon = optimizer == OptimizerKind::kMuon;
  return {.kind = optimizer,
          .beta1 = adam_beta1,
          .beta2 = adam_beta2,
          .eps = adam_epsilon,
          .momentum = is_muon ? momentum : momentum.value_or(0.9),
          .nesterov = is_muon,
          .weight_decay = weight_decay,
          .max_grad_norm = max_grad_norm};
}

optim::ScheduleOptions PretrainConfig::schedule_options(int64_t total_steps) const {
  const auto share = [&](double ratio) {
    return static_cast<int64_t>(std::ceil(ratio * static_cast<double>(total_steps)));
  };
  return {.kind = lr_scheduler,
          .learning_rate = learning_rate,
          .warmup_steps = warmup_steps ? *warmup_steps : share(warmup_ratio.value_or(0)),
          .total_steps = total_steps,
          .min_lr_ratio = min_lr_ratio,
          .decay_steps = share(wsd_decay_ratio),
          .decay = wsd_decay_type,
          .timescale = inverse_sqrt_timescale.value_or(0)};
}

}  // namespace weft::train
