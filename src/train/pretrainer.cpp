#include "train/pretrainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "config/load.h"
#include "core/available_memory.h"
#include "core/process.h"
#include "core/quote.h"
#include "core/size_text.h"
#include "data/prepare.h"
#include "generate/generator.h"
#include "train/disk_need.h"
#include "train/feed.h"
#include "train/locate_nan.h"
#include "train/model_folder.h"
#include "train/optimizer_file.h"
#include "train/run_record.h"
#include "train/text_evaluation.h"
#include "weft/kernel_choice.h"
#include "weft/portable_math.h"

namespace weft::train {
namespace {

bool reports_to(const PretrainConfig& config, std::string_view what) {
  return std::find(config.report_to.begin(), config.report_to.end(), what) !=
         config.report_to.end();
}

// Which kernels multiplied before the checkpoint, if it was on such a device.
ops::CallChoices remembered_choices(const Resume& from, const device::Device& device) {
  if (!from.checkpoint) return {};
  const RunState saved = state_of(*from.checkpoint);
  return saved.processor == device.properties().name ? saved.products : ops::CallChoices();
}

bool is_due(const std::optional<int64_t>& every, int64_t updates) {
  return every && updates % *every == 0;
}

// Rather than be killed in the middle: Linux promises memory that it has not got.
void require_memory(int64_t needed, const std::optional<int64_t>& given) {
  const int64_t free = given.value_or(available_memory());
  if (free == 0 || needed <= free) return;  // 0: not known
  throw Error("the plan takes " + size_text(needed) + " of memory, and " + size_text(free) +
                  " is free; " + std::string(kToNeedLess) + "; `weft plan` says what takes it",
              ExitCode::kDoesNotFit);
}

// A wait for data or a long step that the user has interrupted; it never leaves this file.
struct WaitEnded {};

const PretrainConfig& with_datasets(const PretrainConfig& config, const PretrainOptions& options) {
  std::string told;
  wait_for_datasets(config, options.arrival_seconds, [&](const std::string& what) {
    if (options.interrupts != nullptr && options.interrupts->load() > 0)
      throw Error("interrupted before the first step; the same command begins the run",
                  ExitCode::kInterrupted);
    if (what != told && options.listener != nullptr) options.listener->message(what);
    told = what;
  });
  return config;
}

}  // namespace

// Times and rates of the log.
struct Pretrainer::Clock {
  double started = monotonic_seconds();
  double since = started;    // of the steps that the next record covers
  double not_training = 0;   // of that time, spent on evaluation and saving
  double trained = 0;        // seconds of steps in all
  double waited = 0;         // seconds that steps waited for data, in all
  double waited_before = 0;  // the same at the last record
  int64_t steps = 0;         // since then
  int64_t tokens = 0;
};

Pretrainer::Pretrainer(PretrainConfig config, PretrainOptions options)
    : config_(std::move(config)),
      options_(std::move(options)),
      spec_(nn::decoder_spec(*config_.model)),
      data_(with_datasets(config_, options_), spec_.vocab_size),
      guard_(config_, options_.locate_nan) {
  saver_ = std::make_unique<RunSaver>(*options_.files, config_.output_dir, retention(config_),
                                      [this](const std::string& what) { log_->message(what); });
  Resume from = find_resume(*options_.files, config_);
  open_session(from);
  plan_report_ = report_plan(session_->plan());
  state_.tokenizer_hash = data::tokenizer_hash(data_.tokenizer());
  state_.data_hash = data_.order();
  const Arithmetic arithmetic = arithmetic_now();
  state_.kernels = arithmetic.kernels;
  state_.processor = arithmetic.processor;
  if (device_.on_gpu() && session_->device()->chooser() != nullptr)
    state_.products = session_->device()->chooser()->choices();
  if (from.checkpoint) resume(from);
  else if (config_.base_model) load_model(*config_.base_model);
  first_step_ = result_.updates = session_->updates();
  const std::string disk =
      check_disk(*options_.files, config_,
                 {.first_step = first_step_, .total_steps = total_steps()}, bytes_of_checkpoint());
  open_log(from);
  if (!disk.empty()) log_->message(disk);
  write_config();
  write_record(from);
  write_status(RunPhase::kRunning, "");
  if (!device_.on_gpu())
    peak_ =
        runtime::measure_flops(config_.compute_type(), session_->parallel(), options_.roof_seconds);
}

Pretrainer::~Pretrainer() = default;

// What a device can do is measured before the run's memory is taken.
void Pretrainer::open_session(const Resume& from) {
  device_ = runtime::choose_device(config_.device, config_.kernels);
  runtime::check_kernels(config_.kernels, device_.on_gpu(), device_.reason);
  const int threads = config_.threads ? static_cast<int>(*config_.threads) : usable_threads();
  std::unique_ptr<runtime::ComputeDevice> device = runtime::open_device(device_);
  SessionPlan plan = plan_pretraining(config_, threads, device != nullptr);
  if (device != nullptr) {
    runtime::require_free(device->device(), plan.total());
    device->use_kernels(plan.options.kernels, remembered_choices(from, device->device()),
                        plan.options.deterministic);
    peak_ = runtime::measure_flops(config_.compute_type(), *device, options_.roof_seconds);
  }
  if (device == nullptr) require_memory(plan.total(), options_.memory_bytes);
  baseline_bytes_ = resident_bytes();
  session_ = std::make_unique<Session>(std::move(plan), static_cast<uint64_t>(config_.seed),
                                       std::move(device));
  overlaps_ = session_->steps_overlap() && !options_.locate_nan &&
              config_.non_finite_policy != NonFinitePolicy::kRewind;
}

Pretrainer::Arithmetic Pretrainer::arithmetic_now() const {
  if (session_->device() == nullptr) return {kernels_in_use(), processor_name()};
  const device::Device& device = session_->device()->device();
  const ops::KernelChooser* chooser = session_->device()->chooser();
  const std::string vendor = chooser == nullptr ? "" : chooser->library_in_use();
  return {device.library().table->architectures + (vendor.empty() ? "" : ", " + vendor),
          device.properties().name};
}

std::string Pretrainer::device_text() const {
  const std::string name = device_.on_gpu() ? session_->device()->device().describe() : "cpu";
  return name + " (" + device_.reason + ")";
}

void Pretrainer::open_log(const Resume& from) {
  log_ = std::make_unique<RunLog>(*options_.files,
                                  RunLog::Options{.folder = config_.output_dir,
                                                  .first_step = first_step_,
                                                  .event_files = reports_to(config_, "tensorboard"),
                                                  .listener = options_.listener});
  for (const std::string& notice : saver_->notices()) log_->message(notice);
  for (const std::string& notice : from.notices) log_->message(notice);
  for (const std::string& notice : data_.notices()) log_->message(notice);
  if (device_.on_gpu())
    for (const std::string& notice : session_->device()->notices()) log_->message(notice);
  if (from.checkpoint)
    log_->message("continuing from " + quote_path(from.checkpoint->folder) + " at step " +
                  std::to_string(first_step_));
  tell_other_arithmetic();
  for (const report::LogRecord& record : log_->records()) {  // for a process that makes no step
    if (record.loss) result_.loss = record.loss;
    if (record.eval_loss) result_.eval_loss = record.eval_loss;
  }
}

// Reference kernels give the same bits on every processor of an architecture, the others need not.
void Pretrainer::tell_other_arithmetic() {
  const bool same = before_.kernels == state_.kernels && before_.processor == state_.processor;
  if (before_.kernels.empty() || same) return;
  if (before_.kernels == state_.kernels && kernel_choice() == KernelChoice::kReference) return;
  log_->message("the checkpoint was computed with kernels " + before_.kernels + " on '" +
                before_.processor + "', now it is " + state_.kernels + " on '" + state_.processor +
                "': the last bits will differ" +
                (device_.on_gpu() ? "" : "; kernels=reference from the start avoids that"));
}

// For whoever looks at the folder while the run goes on.
void Pretrainer::write_config() {
  write_file_atomically(*options_.files, Path(config_.output_dir) / kRunConfigFile,
                        config::print(config_));
}

void Pretrainer::write_record(const Resume& from) {
  append_line(*options_.files, Path(config_.output_dir) / kRunRecordFile,
              run_record({.config = config_,
                          .threads = session_->plan().options.threads,
                          .device = device_text(),
                          .kernels = state_.kernels,
                          .products = state_.products,
                          .first_step = first_step_,
                          .checkpoint = from.checkpoint ? from.checkpoint->folder.string() : "",
                          .tokenizer_hash = state_.tokenizer_hash,
                          .data_order = state_.data_hash}));
}

void Pretrainer::load_model(const Path& folder) {
  const std::vector<NamedTensor> parameters = session_->parameters();
  const io::TensorSet tensors = io::TensorSet::from_folder(folder);
  runtime::load_weights(tensors, spec_, [&](const std::string& name) {
    for (const NamedTensor& entry : parameters)
      if (entry.name == name) return runtime::ParameterMemory{.master = entry.tensor.as<float>()};
    throw Error("the model has no parameter '" + name + "'");
  });
  session_->parameters_changed();
}

void Pretrainer::resume(Resume& from) {
  const RunState saved = state_to_resume(
      from, config_, {.tokenizer_hash = state_.tokenizer_hash, .order = state_.data_hash});
  if (saved.data_hash == state_.data_hash)  // else another order of data is forced
    data_.expect(saved.data_marks, "the checkpoint " + quote_path(from.checkpoint->folder));
  load_checkpoint(*from.checkpoint);
  before_ = {saved.kernels, saved.processor};
  RunState now = std::exchange(state_, saved);
  state_.data_hash = std::move(now.data_hash);
  state_.kernels = std::move(now.kernels);
  state_.processor = std::move(now.processor);
  state_.products = std::move(now.products);
  guard_.restore(saved.guard);
  session_->set_updates(saved.updates);
}

void Pretrainer::load_checkpoint(const io::Checkpoint& checkpoint) {
  load_model(checkpoint.folder);
  load_optimizer(checkpoint.file(kOptimizerFile), *session_);
}

bool Pretrainer::interrupted() const {
  return options_.interrupts != nullptr && options_.interrupts->load() > 0;
}

double Pretrainer::interrupted_for() {
  if (!interrupted()) return 0;
  const double now = monotonic_seconds();
  if (!interrupted_at_) interrupted_at_ = now;
  return now - *interrupted_at_;
}

bool Pretrainer::patience_is_spent() const {
  return config_.early_stopping_patience &&
         state_.evaluations_since_best >= *config_.early_stopping_patience;
}

int64_t Pretrainer::bytes_of_checkpoint() {
  int64_t bytes = 0;
  for (const io::FileToWrite& file : to_save(session_->trained_tensors()).files)
    bytes += file.bytes;
  return bytes;
}

void Pretrainer::write_status(RunPhase phase, const std::string& reason) {
  const RunStatus status{.phase = phase,
                         .step = result_.updates,
                         .total_steps = total_steps(),
                         .loss = result_.loss,
                         .eval_loss = result_.eval_loss,
                         .started = started_,
                         .changed = utc_text(wall_seconds()),
                         .reason = reason};
  guarded([&](FileSystem& files) {
    write_file_atomically(files, Path(config_.output_dir) / kRunStatusFile, to_json(status));
  });
}

void Pretrainer::write_end() {
  switch (result_.outcome) {
    case Outcome::kFinished: return write_status(RunPhase::kFinished, "");
    case Outcome::kStoppedEarly:
      return write_status(RunPhase::kFinished, "stopped early: no better evaluation");
    case Outcome::kInterrupted:
      return write_status(RunPhase::kInterrupted,
                          result_.updates == 0 ? "before the first step; the same command begins it"
                                               : "saved; the same command goes on");
    case Outcome::kDiverged: return write_status(RunPhase::kFailed, "diverged: " + result_.reason);
  }
}

PretrainResult Pretrainer::run() {
  try {
    run_to_the_end();
  } catch (const Error& error) {
    write_status(RunPhase::kFailed, error.what());
    throw;
  }
  write_end();
  return result_;
}

void Pretrainer::run_to_the_end() {
  if (patience_is_spent()) result_.outcome = Outcome::kStoppedEarly;  // by an earlier process
  else train();
  log_->sync();
  if (state_.has_best) result_.best_eval_loss = state_.best_loss;
  if (config_.load_best_model_at_end && result_.outcome != Outcome::kInterrupted) load_best_model();
}

// The user may interrupt a wait for data.
template <class F>
void Pretrainer::unless_waiting_ends(F body) {
  try {
    body();
  } catch (const WaitEnded&) {
    result_.outcome = Outcome::kInterrupted;
  }
}

void Pretrainer::train() {
  clock_ = std::make_unique<Clock>();
  data::Prefetcher batches(data_.batches(), {.first_step = first_step_,
                                             .end_step = std::max(first_step_, total_steps()),
                                             .while_waiting = [this] { wait_for_data(); }});
  if (state_.step_end_is_due) unless_waiting_ends([&] { end_step(); });
  for (int64_t index = first_step_; index < total_steps(); ++index) {
    if (interrupted()) result_.outcome = Outcome::kInterrupted;  // before the first step
    if (result_.outcome != Outcome::kFinished) break;
    saver_->collect_if_ended();
    unless_waiting_ends([&] {
      launch(index, batches);
      clock_->waited = batches.seconds_waited();
      if (pending_) settle();  // the step before, while this one goes on
      pending_ = index;
      if (must_settle(index + 1)) settle();
    });
  }
  if (pending_ && result_.outcome != Outcome::kDiverged) unless_waiting_ends([&] { settle(); });
  saver_->collect();
  if (!saver_->is_saved() && result_.outcome != Outcome::kDiverged) save();
}

bool Pretrainer::must_settle(int64_t updates) const {
  return !overlaps_ || updates == total_steps() || is_due(config_.save_steps, updates) ||
         is_due(config_.eval_steps, updates) || is_due(config_.sample_steps, updates);
}

void Pretrainer::settle() {
  const int64_t index = *std::exchange(pending_, std::nullopt);
  const StepResult result = session_->step_result();
  const int64_t labels = data_.batches().labels(index);
  state_.tokens_seen += labels;
  clock_->tokens += labels;
  clock_->steps += 1;
  result_.updates = index + 1;
  result_.loss = result.loss;
  state_.updates = index + 1;
  Judgment judgment = guard_.judge(index, result);
  react(index, judgment);
  log_step(index, result, std::move(judgment.warnings));
  if (result_.outcome != Outcome::kDiverged) end_step();
}

void Pretrainer::end_step() {
  saver_->state_has_changed();
  state_.step_end_is_due = true;
  after_step(state_.updates);
  state_.step_end_is_due = false;
  if (save_is_due(state_.updates)) save_on_the_way();
}

// Only a dataset that is still being written is told of: otherwise a wait is the disk's.
void Pretrainer::wait_for_data() {
  if (interrupted()) throw WaitEnded();
  const std::string what = data_.waiting_for();
  if (!what.empty() && what != told_wait_) log_->message(what);
  if (!what.empty()) told_wait_ = what;
}

void Pretrainer::launch(int64_t index, data::Prefetcher& batches) {
  const int64_t micro_batches = data_.batches().micro_batches();
  const int64_t labels = data_.batches().labels(index);
  session_->begin_step(labels);
  int64_t seen = 0;
  for (int64_t micro = 0; micro < micro_batches; ++micro) {
    const data::Batch& batch = batches.next();
    seen += batch.tokens;
    feed(session_->inputs(), batch,
         {.seed = static_cast<uint64_t>(config_.seed),
          .step = index,
          .micro_batch = micro,
          .micro_batches = micro_batches});
    session_->micro_batch();
    if (interrupted_for() > options_.seconds_to_finish && micro + 1 < micro_batches)
      throw WaitEnded();
  }
  WEFT_ASSERT(seen == labels);
  const double rate = optim::learning_rate(config_.schedule_options(total_steps()), index);
  if (guard_.may_forbid() && guard_.forbids(session_->step_loss())) session_->forbid_update();
  session_->launch_step(rate);
}

// What is not finite is never hidden: it is told at every step, and a run that makes nothing else
// is ended.
void Pretrainer::react(int64_t index, Judgment& judgment) {
  for (const std::string& warning : judgment.warnings)
    log_->message("step " + std::to_string(index + 1) + ": " + warning);
  if (judgment.non_finite && options_.locate_nan) return locate(index, judgment);
  if (judgment.action == Judgment::Action::kRewind) rewind(index + 1, judgment);
  if (judgment.action != Judgment::Action::kStop) return;
  result_.outcome = Outcome::kDiverged;
  result_.reason = judgment.warnings.empty() ? "" : judgment.warnings.front();
}

// Nothing was applied, so that the parameters are still those before the step.
void Pretrainer::locate(int64_t index, Judgment& judgment) {
  saver_->collect();  // it reads what parameters are fetched into from a device
  result_.outcome = Outcome::kDiverged;
  result_.reason = locate_nan(*session_, {.index = index,
                                          .learning_rate = optim::learning_rate(
                                              config_.schedule_options(total_steps()), index),
                                          .batches = data_.batches(),
                                          .seed = static_cast<uint64_t>(config_.seed)});
  judgment.warnings.push_back(result_.reason);
}

void Pretrainer::rewind(int64_t updates, Judgment& judgment) {
  saver_->collect();
  const io::FoundCheckpoint found = rewind_checkpoint(*options_.files, config_, updates);
  const std::string step = "step " + std::to_string(updates) + ": ";
  for (const io::SkippedCheckpoint& skipped : found.skipped)
    log_->message(step + "not back to " + quote_path(skipped.folder) + ": " + skipped.reason);
  std::string text = "there is no checkpoint to go back to, the step is skipped";
  if (found.checkpoint) {
    load_checkpoint(*found.checkpoint);
    text = "went back to the weights of " + found.checkpoint->folder.filename().string() +
           "; the batches of steps " + std::to_string(found.checkpoint->manifest.step + 1) +
           " to " + std::to_string(updates) + " count no more";
  }
  log_->message(step + text);
  judgment.warnings.push_back(text);
}

void Pretrainer::log_step(int64_t index, const StepResult& result,
                          std::vector<std::string> warnings) {
  const int64_t updates = index + 1;
  const bool due = updates % config_.logging_steps == 0 || updates == total_steps();
  if (warnings.empty() && !due) return;
  const double now = monotonic_seconds();
  const double seconds = std::max(1e-9, now - clock_->since - clock_->not_training);
  clock_->trained += seconds;
  const double tokens_per_second = static_cast<double>(clock_->tokens) / seconds;
  const double steps = static_cast<double>(clock_->steps);
  const double flops =
      plan_report_.flops_per_micro_batch * static_cast<double>(data_.batches().micro_batches()) +
      plan_report_.flops_per_update;
  const double left = static_cast<double>(total_steps() - updates);
  log_->write(
      {.step = updates,
       .loss = result.loss,
       .grad_norm = result.gradient_norm,
       .learning_rate = optim::learning_rate(config_.schedule_options(total_steps()), index),
       .tokens_per_second = tokens_per_second,
       .peak_share = flops * steps / seconds / peak_,
       .data_wait = (clock_->waited - clock_->waited_before) / seconds,
       .memory_bytes = resident_bytes(),
       .eta_seconds = left * clock_->trained / static_cast<double>(updates - first_step_),
       .tokens_seen = state_.tokens_seen,
       .epoch = data_.known_epochs(updates),
       .wall_time = wall_seconds(),
       .warnings = std::move(warnings)});
  clock_->since = now;
  clock_->waited_before = clock_->waited;
  clock_->not_training = 0;
  clock_->steps = 0;
  clock_->tokens = 0;
}

void Pretrainer::after_step(int64_t updates) {
  const double start = monotonic_seconds();
  const bool last = updates == total_steps();
  if (data_.evaluation() != nullptr && (last || is_due(config_.eval_steps, updates)))
    evaluate_and_judge(updates);
  const bool sampled =
      config_.sample_steps ? is_due(config_.sample_steps, updates) : evaluated_at_ == updates;
  if (!config_.sample_prompts.empty() && (last || sampled)) generate_samples(updates);
  if (!last && patience_is_spent()) result_.outcome = Outcome::kStoppedEarly;
  else if (!last && interrupted()) result_.outcome = Outcome::kInterrupted;
  clock_->not_training += monotonic_seconds() - start;
}

double Pretrainer::evaluate() {
  const runtime::HostInputs inputs = session_->forwards().inputs(kEvaluation);
  data::Batch batch(data_.batches().rows(), data_.batches().sequence_len());
  data_.wait_for_evaluation(config_.eval_batches.value_or(INT64_MAX), [this] { wait_for_data(); });
  const int64_t batches =
      std::min(data_.evaluation()->size(), config_.eval_batches.value_or(INT64_MAX));
  double loss = 0;
  int64_t tokens = 0;
  for (int64_t i = 0; i < batches; ++i) {
    data_.evaluation()->fill(i, batch);
    copy_inputs(batch, inputs);
    session_->run_forward(kEvaluation);
    loss += static_cast<double>(*session_->forwards().output(kEvaluation, 0).as<float>());
    tokens += batch.tokens;
  }
  return loss / static_cast<double>(std::max<int64_t>(1, tokens));
}

void Pretrainer::generate_samples(int64_t updates) {
  const generate::CacheOptions cache = sample_cache(config_);
  generate::CachedModel model(spec_, cache,
                              {session_->forwards(), kGeneration, session_->parallel()});
  report::LogRecord record{.step = updates, .wall_time = wall_seconds()};
  generate::GenerateOptions options{.sampling = {.temperature = config_.sample_temperature},
                                    .seed = static_cast<uint64_t>(config_.seed)};
  if (data_.tokenizer().special_ids().eos)
    options.eos_tokens = {*data_.tokenizer().special_ids().eos};
  for (size_t i = 0; i < config_.sample_prompts.size(); ++i) {
    const std::string& prompt = config_.sample_prompts[i];
    const generate::Prompts prompts{.ids = {data_.tokenizer().encode(prompt)}, .first = i};
    const int64_t length = static_cast<int64_t>(prompts.ids[0].size());
    if (length == 0 || length > longest_prompt(config_)) {
      log_->message("no sample of \"" + prompt + "\": it has " + std::to_string(length) +
                    " tokens, allowed are 1 to " + std::to_string(longest_prompt(config_)));
      continue;
    }
    options.max_new_tokens = std::min(config_.sample_max_new_tokens, cache.capacity - length);
    try {
      const auto generated = generate::generate(model, data_.tokenizer(), prompts, options);
      record.samples.push_back({.prompt = prompt, .text = generated[0].text});
    } catch (const Error& error) {  // what follows is for non_finite_policy to say
      if (error.code() != ExitCode::kDiverged) throw;
      log_->message("no sample of \"" + prompt + "\": " + error.what());
    }
  }
  if (!record.samples.empty()) log_->write(record);
}

// NaN is no better than anything.
void Pretrainer::evaluate_and_judge(int64_t updates) {
  const double loss = evaluate();
  result_.eval_loss = loss;
  evaluated_at_ = updates;
  log_->write({.step = updates,
               .wall_time = wall_seconds(),
               .eval_loss = loss,
               .eval_perplexity = portable::exp(loss)});
  state_.evaluations_since_best += 1;
  if (!std::isfinite(loss) || (state_.has_best && !(loss < state_.best_loss))) return;
  state_.has_best = true;
  state_.best_loss = loss;
  state_.best_step = updates;
  state_.evaluations_since_best = 0;
}

// A best model that is to be loaded at the end must have been saved.
bool Pretrainer::save_is_due(int64_t updates) const {
  const bool best = state_.has_best && state_.best_step == updates;
  return is_due(config_.save_steps, updates) || (config_.load_best_model_at_end && best);
}

void Pretrainer::save_on_the_way() {
  const double start = monotonic_seconds();
  if (session_->plan().options.with_snapshot) saver_->collect();
  log_->sync();
  if (session_->plan().options.with_snapshot) saver_->begin(to_save(session_->take_snapshot()));
  else saver_->try_to_save(to_save(session_->trained_tensors()));
  clock_->not_training += monotonic_seconds() - start;
}

void Pretrainer::save() {
  log_->sync();
  saver_->save(to_save(session_->trained_tensors()));
}

io::CheckpointToSave Pretrainer::to_save(const TrainedTensors& tensors) {
  state_.guard = guard_.state();
  state_.data_marks = data_.marks();
  std::vector<io::FileToWrite> files = files_of(
      model_folder({.config = *config_.model, .spec = spec_, .tokenizer = &data_.tokenizer()},
                   tensors.parameters, io::StoredType::kF32));
  files.push_back(optimizer_to_write(tensors.optimizer_state));
  files.push_back(io::text_to_write(std::string(kStateFile), to_json(state_)));
  files.push_back(io::text_to_write(std::string(kConfigFile), config::print(config_)));
  const bool scored = evaluated_at_ == state_.updates;
  return {.step = state_.updates,
          .score = scored ? result_.eval_loss : std::nullopt,
          .files = std::move(files)};
}

void Pretrainer::load_best_model() {
  const auto best = io::best_checkpoint(*options_.files, config_.output_dir).checkpoint;
  if (!best || !best->manifest.score) {
    log_->message("load_best_model_at_end: no checkpoint was evaluated, the last weights stay");
    return;
  }
  load_model(best->folder);
  log_->message("loaded the best model, " + quote_path(best->folder));
}

}  // namespace weft::train
