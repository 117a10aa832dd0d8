#include "train/preflight.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <iomanip>
#include <memory>
#include <sstream>

#include "core/available_memory.h"
#include "core/process.h"
#include "core/quote.h"
#include "core/size_text.h"
#include "data/prepare.h"
#include "io/checkpoint_folder.h"
#include "io/checkpoint_store.h"
#include "io/tensor_set.h"
#include "runtime/model_files.h"
#include "train/disk_need.h"
#include "train/plan_report.h"
#include "train/pretrain_plan.h"
#include "train/resume.h"
#include "train/run_log.h"
#include "train/run_record.h"
#include "train/training_data.h"

namespace weft::train {
namespace {

constexpr double kManyEpochs = 40;
constexpr int64_t kMostBatches = 64;  // of a split that are read
constexpr size_t kMostWeightProblems = 5;

std::string number(double value, int digits = 2) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

// Runs the checks in order; each may use what those before it have found.
class Checks {
 public:
  Checks(const PretrainConfig& config, const PreflightOptions& options)
      : config_(config), options_(options) {}

  Preflight run() {
    guarded("output_dir", [this] { check_output(); });
    guarded("base_model", [this] { check_base_model(); });
    guarded("data", [this] { open_data(); });
    guarded("resume", [this] { check_resume(); });
    if (data_ != nullptr) {
      guarded("tokenizer", [this] { check_tokenizer(); });
      guarded("data", [this] { read_samples(); });
      guarded("validation", [this] { read_validation(); });
      guarded("batch", [this] { check_batch(); });
      guarded("schedule", [this] { check_schedule(); });
      guarded("samples", [this] { check_prompts(); });
    }
    guarded("device", [this] { check_device(); });
    guarded("memory", [this] { check_memory(); });
    guarded("disk", [this] { check_disk(); });
    return std::move(result_);
  }

 private:
  void add(Verdict verdict, std::string_view subject, std::string text) {
    result_.findings.push_back({verdict, subject, std::move(text)});
  }
  void fine(std::string_view subject, std::string text) {
    add(Verdict::kFine, subject, std::move(text));
  }
  void doubtful(std::string_view subject, std::string text) {
    add(Verdict::kDoubtful, subject, std::move(text));
  }
  void fails(std::string_view subject, std::string text) {
    add(Verdict::kFails, subject, std::move(text));
  }
  void guarded(std::string_view subject, const std::function<void()>& check) {
    try {
      check();
    } catch (const Error& error) {
      fails(subject, error.what());
    }
  }

  void check_output();
  void check_files_of_run();
  void check_base_model();
  void open_data();
  void check_resume();
  void check_tokenizer();
  void read_samples();
  void read_validation();
  void check_batch();
  void check_schedule();
  void check_prompts();
  void check_device();
  void check_memory();
  void check_disk();

  struct Seen {
    int64_t rows = 0, labels = 0, ends = 0, ids = 0, broken = 0;
  };
  void look_at(const data::Batch& batch, Seen& seen) const;
  void tell_decoding(std::string_view subject, const std::string& looked, const Seen& seen);

  const PretrainConfig& config_;
  const PreflightOptions& options_;
  Preflight result_;
  std::unique_ptr<TrainingData> data_;
  int32_t end_token_ = -1;  // of the data
  int64_t first_step_ = 0;  // done already
  std::unique_ptr<PlanReport> plan_;
  runtime::DeviceChoice device_;
  int64_t device_free_ = 0;
};

// The folder, or the nearest one above it that exists, must take files.
void Checks::check_output() {
  Path nearest = config_.output_dir;
  while (real_file_system().status(nearest).kind == FileKind::kMissing &&
         nearest != parent_folder(nearest))
    nearest = parent_folder(nearest);
  if (real_file_system().status(nearest).kind != FileKind::kFolder)
    return fails("output_dir", quote_path(nearest) + " is no folder, so " +
                                   quote_path(config_.output_dir) +
                                   " cannot be made; choose another output_dir");
  if (access(nearest.c_str(), W_OK | X_OK) != 0)
    return fails("output_dir", "nothing may be written in " + quote_path(nearest) +
                                   "; check its owner and mode (ls -ld), or choose another "
                                   "output_dir");
  const Path lock = Path(config_.output_dir) / io::kRunLockFile;
  if (real_file_system().status(lock).kind != FileKind::kMissing) real_file_system().lock(lock);
  check_files_of_run();
  fine("output_dir", quote_path(config_.output_dir) + " can be written");
}

// Of an earlier process: its log and record go on, its config is replaced.
void Checks::check_files_of_run() {
  for (const std::string_view name : {kRunLogFile, kRunRecordFile, kRunConfigFile}) {
    const Path file = Path(config_.output_dir) / name;
    const FileStatus status = real_file_system().status(file);
    const bool is_other = status.is_link || status.kind == FileKind::kOther;
    if (status.kind == FileKind::kFolder || (is_other && name != kRunConfigFile))
      throw Error(quote_path(file) +
                  " is no regular file, so that no run can go on in its folder; remove it, or "
                  "choose another output_dir");
  }
}

void Checks::check_base_model() {
  if (!config_.base_model) return;
  const io::TensorSet tensors = io::TensorSet::from_folder(*config_.base_model);
  const std::vector<std::string> problems =
      runtime::weight_problems(tensors, nn::decoder_spec(*config_.model));
  const size_t shown = std::min(problems.size(), kMostWeightProblems);
  for (size_t i = 0; i < shown; ++i) fails("base_model", problems[i]);
  if (shown < problems.size())
    fails("base_model", std::to_string(problems.size() - shown) + " other tensors do not fit");
  if (!problems.empty()) return;
  fine("base_model", quote_path(*config_.base_model) + " has " +
                         std::to_string(tensors.tensors().size()) +
                         " tensors, all that the model needs in its shapes");
}

void Checks::open_data() {
  const nn::DecoderSpec spec = nn::decoder_spec(*config_.model);
  data_ = std::make_unique<TrainingData>(config_, spec.vocab_size);
  if (data_->is_streamed())
    throw Error(quote_path(config_.datasets.front().path) +
                " is still being prepared, and samples of all of the run are looked at; wait until "
                "`weft prepare` has ended");
  end_token_ = data::read_manifest(config_.datasets.front().path).eos_token_id;
  for (const std::string& notice : data_->notices()) fine("data", notice);
}

void Checks::check_resume() {
  Resume found = find_resume(real_file_system(), config_);
  if (found.checkpoint && data_ != nullptr)
    state_to_resume(
        found, config_,
        {.tokenizer_hash = data::tokenizer_hash(data_->tokenizer()), .order = data_->order()});
  for (const std::string& notice : found.notices) doubtful("resume", notice);
  if (found.checkpoint) first_step_ = found.checkpoint->manifest.step;
  if (found.checkpoint)
    fine("resume", "the run would go on from " + quote_path(found.checkpoint->folder));
}

void Checks::check_tokenizer() {
  const text::Tokenizer& tokenizer = data_->tokenizer();
  const int64_t model = config_.model->vocab_size;
  const std::string sizes = std::to_string(tokenizer.vocab_size()) +
                            " tokens, the model has room "
                            "for " +
                            std::to_string(model);
  if (model > 2 * int64_t{tokenizer.vocab_size()} + 64)
    doubtful("tokenizer", sizes +
                              ": more than half of the embeddings would never be trained; "
                              "lower vocab_size");
  else fine("tokenizer", sizes);
  const std::vector<int64_t>& ends = config_.model->eos_token_id;
  if (!ends.empty() && std::find(ends.begin(), ends.end(), end_token_) == ends.end())
    doubtful("tokenizer", "documents end with token " + std::to_string(end_token_) +
                              ", but the model's eos_token_id is " + std::to_string(ends.front()) +
                              ": generation would not stop at the end of a text; set it to " +
                              std::to_string(end_token_));
}

void Checks::look_at(const data::Batch& batch, Seen& seen) const {
  std::string text;
  for (int64_t r = 0; r < batch.rows; ++r) {
    const auto at = static_cast<size_t>(r * batch.sequence_len);
    const auto ids =
        std::span(batch.input_ids).subspan(at, static_cast<size_t>(batch.sequence_len));
    text = data_->tokenizer().decode(ids);
    for (size_t i = text.find("\xEF\xBF\xBD"); i != text.npos; i = text.find("\xEF\xBF\xBD", i + 3))
      ++seen.broken;
    seen.ids += batch.sequence_len;
  }
  for (const int32_t label : batch.labels) {
    seen.labels += label != data::kIgnoredLabel;
    seen.ends += label == end_token_;
  }
  seen.rows += batch.rows;
}

void Checks::tell_decoding(std::string_view subject, const std::string& looked, const Seen& seen) {
  const double broken = static_cast<double>(seen.broken) / static_cast<double>(seen.ids);
  if (broken > 0.05)
    doubtful(subject, looked + " decode to text of which " + number(100 * broken, 0) +
                          " % of the tokens are no characters; was it prepared as text?");
  else fine(subject, looked + " read and decoded");
}

// The first batches, then some from all over the run: reading checks the hashes of their blocks and
// the range of their ids, decoding that they are text.
void Checks::read_samples() {
  const data::BatchSource& batches = data_->batches();
  const int64_t steps = std::max<int64_t>(1, data_->total_steps());
  const double start = monotonic_seconds();
  Seen seen;
  for (int64_t i = 0; i < kMostBatches && monotonic_seconds() - start < options_.seconds_of_data;
       ++i) {
    const int64_t step = i < 2 ? std::min(i, steps - 1) : (steps - 1) * i / kMostBatches;
    data::Batch batch = batches.batch(step, 0);
    look_at(batch, seen);
    for (int64_t r = 0; r < batch.rows && static_cast<int64_t>(result_.rows.size()) < options_.rows;
         ++r) {
      const data::SequenceRow row = batch.row(r);
      result_.rows.push_back({{row.input_ids.begin(), row.input_ids.end()},
                              {row.labels.begin(), row.labels.end()},
                              {row.positions.begin(), row.positions.end()}});
    }
  }
  tell_decoding("data", std::to_string(seen.rows) + " samples of all over the run", seen);
  if (seen.labels == 0) return fails("data", "no label counts: there is nothing to learn from");
  if (seen.ends > 0)
    fine("end token", std::to_string(seen.ends) + " of " + std::to_string(seen.labels) +
                          " labels looked at are the end of a text");
  else
    doubtful("end token", "none of " + std::to_string(seen.labels) +
                              " labels looked at is the end of a text (token " +
                              std::to_string(end_token_) +
                              "): a model that never sees one does not learn to stop");
}

// The same of what evaluations read: its first batch, its last, and some between them. A damaged
// one would end the run at its first evaluation, which may be hours away.
void Checks::read_validation() {
  const data::EvaluationBatches* evaluation = data_->evaluation();
  if (evaluation == nullptr)
    return fine("validation", "there is no validation split, so nothing is evaluated");
  const int64_t all =
      std::min(evaluation->size(), config_.eval_batches.value_or(evaluation->size()));
  const int64_t chosen = std::min(all, kMostBatches);
  const double start = monotonic_seconds();
  data::Batch batch(data_->batches().rows(), data_->batches().sequence_len());
  Seen seen;
  int64_t read = 0;
  for (; read < chosen && monotonic_seconds() - start < options_.seconds_of_data; ++read) {
    // From its end on: what was cut short lacks its end.
    evaluation->fill(all - 1 - (all - 1) * read / std::max<int64_t>(1, chosen - 1), batch);
    look_at(batch, seen);
  }
  tell_decoding("validation",
                std::to_string(read) + " of the " + std::to_string(all) +
                    " batches of an evaluation, " + std::to_string(seen.labels) + " labels,",
                seen);
}

void Checks::check_batch() {
  const int64_t rows = config_.sequences_per_step();
  fine("batch", std::to_string(config_.micro_batch_size) + " sequences x " +
                    std::to_string(*config_.gradient_accumulation_steps) + " micro-batches x " +
                    std::to_string(config_.sequence_len) +
                    " tokens = " + std::to_string(rows * config_.sequence_len) + " tokens a step");
  const double epoch = data_->epochs(1);
  if (epoch > 1)
    doubtful("batch", "one step reads all of the data " + number(epoch, 1) +
                          " times; lower global_batch_size or prepare more text");
}

void Checks::check_schedule() {
  const int64_t steps = data_->total_steps();
  const double epochs = data_->epochs(steps);
  const std::string length = std::to_string(steps) + " steps, " + number(1 / data_->epochs(1)) +
                             " steps an epoch, " + number(epochs) + " epochs";
  if (epochs > kManyEpochs)
    doubtful("schedule", length + ": a model that reads its data so often learns it by heart");
  else fine("schedule", length);
  const optim::ScheduleOptions schedule = config_.schedule_options(steps);
  if (schedule.warmup_steps >= steps && steps > 1)
    doubtful("schedule", "the warmup of " + std::to_string(schedule.warmup_steps) +
                             " steps is not over when the run ends; lower warmup_steps");
}

void Checks::check_prompts() {
  for (const std::string& prompt : config_.sample_prompts) {
    const auto length = static_cast<int64_t>(data_->tokenizer().encode(prompt).size());
    if (length == 0 || length > longest_prompt(config_))
      doubtful("samples", "the prompt " + quote(prompt) + " has " + std::to_string(length) +
                              " tokens, allowed are 1 to " +
                              std::to_string(longest_prompt(config_)) +
                              "; no sample would be made of it");
  }
}

// Throws for a device that cannot be used. The CPU goes without saying.
void Checks::check_device() {
  if (config_.device == "cpu") return;
  device_ = runtime::choose_device(config_.device, config_.kernels);
  if (!device_.on_gpu()) return;
  device_free_ = runtime::ComputeDevice(device_).device().free_bytes();
  fine("device", "cuda: " + device_.reason);
}

void Checks::check_memory() {
  plan_ = std::make_unique<PlanReport>(
      report_plan(plan_pretraining(config_, options_.threads, device_.on_gpu())));
  const int64_t free = device_.on_gpu() ? device_free_ : available_memory();
  const int64_t have = options_.memory_bytes > 0 ? options_.memory_bytes : free;
  const std::string text = std::to_string(plan_->parameter_count) + " parameters, the plan takes " +
                           size_text(plan_->total) + " of " +
                           (have > 0 ? size_text(have) : "an unknown amount") + " that is free";
  if (have > 0 && plan_->total > have) fails("memory", text + "; " + std::string(kToNeedLess));
  else fine("memory", text);
}

// As the run itself will, in its words.
void Checks::check_disk() {
  if (plan_ == nullptr) return;
  const RunLength length{
      .first_step = first_step_,
      .total_steps = data_ != nullptr ? data_->total_steps() : config_.max_steps.value_or(1)};
  const int64_t each = plan_->parameters + plan_->optimizer_state;
  if (const std::string problem = train::check_disk(real_file_system(), config_, length, each);
      !problem.empty())
    return doubtful("disk", problem);
  const auto existing =
      static_cast<int64_t>(io::checkpoint_steps(real_file_system(), config_.output_dir).size());
  const int64_t added = checkpoints_added(config_, length, existing);
  fine("disk", std::to_string(added) + (existing > 0 ? " more checkpoint" : " checkpoint") +
                   (added == 1 ? "" : "s") + " of " + size_text(each) + ", " +
                   size_text(real_file_system().free_bytes(config_.output_dir)) + " are free");
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  constexpr std::array<std::string_view, 3> kNames = {"ok", "doubtful", "FAILS"};
  return kNames.at(static_cast<size_t>(verdict));
}

bool Preflight::would_fail() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.verdict == Verdict::kFails; });
}

Preflight run_preflight(const PretrainConfig& config, const PreflightOptions& options) {
  return Checks(config, options).run();
}

}  // namespace weft::train
