// `weft bench` and `weft profile`: what the machine can do, how fast a config trains on it, and
// where a step's time goes.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/bench_generation.h"
#include "cli/config_options.h"
#include "cli/inference.h"
#include "cli/operator_times.h"
#include "cli/stopwatch.h"
#include "cli/verb.h"
#include "core/process.h"
#include "core/quote.h"
#include "data/sequences.h"
#include "nn/decoder.h"
#include "report/profile.h"
#include "runtime/roof.h"
#include "train/pretrainer.h"
#include "train/run_page.h"
#include "train/text_evaluation.h"
#include "weft/kernel_choice.h"

namespace weft::cli {
namespace {

constexpr int64_t kMostSteps = int64_t{1} << 20;

struct Options {
  ConfigOptions config;
  int64_t steps = 5;
  int64_t warmup = 1;
  bool json = false;
  std::string trace;
  bool save = false;
  bool operators = false;
  bool generate = false;
  GenerationBench generation = {};
};

// Which kernels multiply and compute attention on a GPU, a line each; empty where ours do, all of
// them.
std::string calls_text(const runtime::ComputeDevice* device) {
  if (device == nullptr || device->chooser() == nullptr) return "";
  std::string text;
  for (const std::string& notice : device->notices()) text += notice + "\n";
  const auto microseconds = [](double seconds) {
    return std::to_string(static_cast<int64_t>(seconds * 1e6 + 0.5)) + " us";
  };
  for (const ops::ChosenCall& row : device->chooser()->chosen()) {
    const bool is_attention = row.call.starts_with("attention");  // says so itself
    text += (is_attention ? "" : "product ") + row.call + ": " + row.kernel + " (" + row.reason;
    if (row.own_seconds > 0)
      text += ": own " + microseconds(row.own_seconds) + ", library " +
              microseconds(row.vendor_seconds);
    text += "), " + std::to_string(row.calls) + (row.calls == 1 ? " call\n" : " calls\n");
  }
  return text;
}

// A session that trains on random tokens, so that no data is needed.
class SyntheticRun {
 public:
  explicit SyntheticRun(const train::PretrainConfig& config)
      : config_(config),
        device_(runtime::choose_device(config.device, config.kernels)),
        session_(train::plan_pretraining(config, threads_of(config), device_.on_gpu()),
                 static_cast<uint64_t>(config.seed), runtime::open_device(device_)),
        sequences_(static_cast<int32_t>(config.model->vocab_size), config.sequence_len,
                   static_cast<uint64_t>(config.seed)),
        batch_(config.micro_batch_size, config.sequence_len) {}

  void step(graph::Observer* observer = nullptr) {
    if (observer != nullptr) finish();
    const int64_t micro_batches = config_.gradient_accumulation_steps.value_or(1);
    session_.begin_step(micro_batches * config_.micro_batch_size * config_.sequence_len);
    for (int64_t m = 0; m < micro_batches; ++m) {
      for (int64_t r = 0; r < batch_.rows; ++r) sequences_.read(next_++, batch_.row(r));
      train::copy_inputs(batch_, session_.inputs());
      session_.micro_batch(observer);
    }
    session_.launch_step(config_.learning_rate, observer);
    const bool overlaps = session_.steps_overlap() && observer == nullptr;
    // On a device the result is that of the step before.
    if (std::exchange(under_way_, overlaps) || !overlaps) session_.step_result();
  }
  // Waits for the step that is under way.
  void finish() {
    if (std::exchange(under_way_, false)) session_.step_result();
  }

  int64_t tokens_per_step() const { return config_.sequences_per_step() * config_.sequence_len; }
  train::Session& session() { return session_; }
  const runtime::DeviceChoice& device() const { return device_; }
  // Two lines: what computes, and with which kernels.
  std::string description() const {
    const runtime::ComputeDevice* device = session_.device();
    const std::string name = device == nullptr ? "cpu" : device->device().describe();
    return "device: " + name + " (" + device_.reason + ")\nkernels: " +
           (device == nullptr
                ? kernels_in_use()
                : "for " + std::string(device->device().library().table->architectures));
  }

 private:
  const train::PretrainConfig& config_;
  runtime::DeviceChoice device_;
  train::Session session_;
  data::SyntheticSequences sequences_;
  data::Batch batch_;
  int64_t next_ = 0;
  bool under_way_ = false;  // a step whose result was not read: on a device one overlaps the next
};

nlohmann::ordered_json roof_json(int threads) {
  const ThreadPool pool(threads);
  nlohmann::ordered_json out;
  out["threads"] = threads;
  out["kernels"] = kernels_in_use();
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const runtime::MachineRoof roof = runtime::measure_roof(dtype, pool, 0.5);
    out[std::string("gemm_gflops_") + std::string(name_of(dtype))] = roof.flops_per_second / 1e9;
    out["memory_gb_per_second"] = roof.bytes_per_second / 1e9;
  }
  return out;
}

// The same of a GPU, where one can be used.
void add_device_roof(nlohmann::ordered_json& out) {
  const runtime::DeviceChoice choice = runtime::choose_device("auto", kernel_choice());
  const auto device = runtime::open_device(choice);
  if (device == nullptr) return;
  device->use_kernels(kernel_choice());
  nlohmann::ordered_json& of = out["device"];
  of["name"] = device->device().describe();
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const runtime::MachineRoof roof = runtime::measure_roof(dtype, *device, 0.5);
    of[std::string("gemm_gflops_") + std::string(name_of(dtype))] = roof.flops_per_second / 1e9;
    of["memory_gb_per_second"] = roof.bytes_per_second / 1e9;
  }
}

nlohmann::ordered_json bench_model(const Options& options) {
  GenerationBench bench = options.generation;
  if (bench.model.empty() == options.config.file.empty())
    throw Error(
        "--generate needs a model: either a config, whose model gets random weights, or "
        "--model with a folder");
  bench.config = options.config;
  bench.runs = options.steps;
  bench.warmup = options.warmup;
  return bench_generation(bench);
}

// What save_in_background keeps a step waiting for. The first copy takes the memory from the system
// and is not counted, nor is what the writing thread takes of the processors meanwhile.
void add_snapshot(SyntheticRun& run, nlohmann::ordered_json& out, double step_seconds) {
  constexpr size_t kCopies = 5;
  std::vector<double> seconds;
  run.session().take_snapshot();
  for (size_t i = 0; i < kCopies; ++i) {
    run.step();
    const double start = monotonic_seconds();
    run.session().take_snapshot();
    seconds.push_back(monotonic_seconds() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  out["snapshot_bytes"] = run.session().plan().snapshot_bytes;
  out["snapshot_seconds"] = seconds[kCopies / 2];
  out["snapshot_share_of_step"] = seconds[kCopies / 2] / step_seconds;
}

nlohmann::ordered_json bench_config(const Options& options) {
  const train::PretrainConfig config = load_config(options.config);
  SyntheticRun run(config);
  for (int64_t i = 0; i < options.warmup; ++i) run.step();
  std::vector<double> seconds;
  const int64_t faults = page_faults();
  for (int64_t i = 0; i < options.steps && interrupts().load() == 0; ++i) {
    const double start = monotonic_seconds();
    run.step();
    seconds.push_back(monotonic_seconds() - start);
  }
  run.finish();
  if (seconds.empty()) throw Error("interrupted before the first step", ExitCode::kInterrupted);
  const int64_t new_faults = page_faults() - faults;
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  nlohmann::ordered_json out;
  out["tokens_per_second"] = static_cast<double>(run.tokens_per_step()) / sorted[sorted.size() / 2];
  out["peak_bytes"] = run.session().plan().total();
  out["resident_bytes"] = resident_bytes();
  out["huge_page_bytes"] = run.session().huge_page_bytes();
  out["page_faults"] = new_faults;
  out["step_seconds"] = seconds;
  out["threads"] = run.session().plan().options.threads;
  out["device"] = run.device().on_gpu() ? "cuda" : "cpu";
  out["device_reason"] = run.device().reason;
  out["kernels"] = run.device().on_gpu() ? std::string(name_of(config.kernels)) : kernels_in_use();
  if (run.session().plan().snapshot_bytes > 0) add_snapshot(run, out, sorted[sorted.size() / 2]);
  return out;
}

runtime::MachineRoof roof_of(const train::Session& session, DType dtype) {
  if (session.device() != nullptr) return runtime::measure_roof(dtype, *session.device());
  return runtime::measure_roof(dtype, session.parallel());
}

OperatorRoofs operator_roofs(const train::Session& session) {
  if (session.device() != nullptr) {
    const std::string_view name = session.device()->device().properties().name;
    const auto fp32 = runtime::data_sheet_roof(name, DType::kF32);
    const auto bf16 = runtime::data_sheet_roof(name, DType::kBF16);
    if (fp32 && bf16) return {*fp32, *bf16, "data sheet"};
  }
  return {roof_of(session, DType::kF32), roof_of(session, DType::kBF16), "measured"};
}

void run_operators(const Options& options) {
  if (options.config.file.empty() || options.generate)
    throw Error("--operators needs a config, whose training step is timed, and no --generate");
  const train::PretrainConfig config = load_config(options.config);
  SyntheticRun run(config);
  for (int64_t i = 0; i < std::max<int64_t>(options.warmup, 1); ++i) run.step();
  run.finish();
  const std::vector<OperatorTime> times = time_operators(run.session(), options.steps);
  const OperatorRoofs roofs = operator_roofs(run.session());
  if (!options.json) {
    std::cout << run.description() << "\nroof: " << roofs.source << "\n"
              << report::profile_table(operator_rows(run.session(), times, roofs));
    return;
  }
  nlohmann::ordered_json out = {{"device", run.device().on_gpu() ? "cuda" : "cpu"},
                                {"description", run.description()},
                                {"tokens", config.micro_batch_size * config.sequence_len}};
  out.update(operators_json(run.session(), times, roofs));
  print_values(out, true);
}

// What is wrong with it is told before the work, not after it.
Path trace_file(const std::string& named) {
  if (named.empty()) return {};
  const Path file = named_output(real_file_system(), named);
  if (real_file_system().status(parent_folder(file)).kind != FileKind::kFolder)
    throw Error("--trace: there is no folder " + quote_path(parent_folder(file)));
  return file;
}

void run_profile(const Options& options) {
  const Path trace = trace_file(options.trace);
  const train::PretrainConfig config = load_config(options.config);
  SyntheticRun run(config);
  for (int64_t i = 0; i < options.warmup; ++i) run.step();
  Stopwatch watch(run.session().step_program());
  run.step(&watch);
  const std::string calls = calls_text(run.session().device());
  const runtime::MachineRoof fp32 = roof_of(run.session(), DType::kF32);
  const runtime::MachineRoof bf16 = roof_of(run.session(), DType::kBF16);
  const std::string text = run.description() + "\n" +
                           report::profile_table(report::by_name(watch.rows(fp32, bf16))) + calls;
  std::cout << text;
  if (options.save) {
    create_folders(real_file_system(), config.output_dir);
    const Path file = Path(config.output_dir) / train::kProfileFile;
    write_file_atomically(real_file_system(), file, text);
    std::cout << "written to " << quote_path(file) << ", which `weft report` shows\n";
  }
  if (trace.empty()) return;
  const std::vector<std::string> threads = {"operators"};
  write_file_atomically(real_file_system(), trace, report::chrome_trace(watch.events(), threads));
  std::cout << "trace written to " << quote_path(trace) << "\n";
}

void add_generation_options(Verb& verb, Options& options) {
  const Option generate = verb.add_flag("--generate", options.generate,
                                        "time the continuation of a prompt instead of training");
  const auto add = [&](const char* name, auto& value, const char* help) {
    return verb.add_option(name, value, help).needs(generate).shows_default();
  };
  constexpr int64_t kMost = int64_t{1} << 20;
  GenerationBench& bench = options.generation;
  add("--prompt-tokens", bench.prompt_tokens, "tokens of the prompt").between(1, kMost);
  add("--new-tokens", bench.new_tokens, "tokens that are added").between(1, kMost);
  add("--sequences", bench.sequences, "prompts that are continued side by side").between(1, kMost);
  add("--model", bench.model, "a Hugging Face folder, or a run of ours, instead of a config");
  add("--precision", bench.precision, "with --model: as of generate").among(kPrecisions);
}

nlohmann::ordered_json measured(const Options& options) {
  if (options.generate) return bench_model(options);
  if (!options.config.file.empty()) return bench_config(options);
  choose_kernels_by(options.config.kernels);
  nlohmann::ordered_json out = roof_json(thread_count(0));
  add_device_roof(out);
  return out;
}

}  // namespace

void add_bench(Verb& app) {
  auto options = std::make_shared<Options>();
  Verb verb =
      app.add_verb("bench", "Measure the machine, or how fast a config trains or generates on it");
  verb.footer(
      "Examples:\n  weft bench\n  weft bench configs/pretrain/gpt2-124m.yaml precision=bf16 "
      "--json\n  weft bench configs/bench/gpt2-124m.yaml --operators --steps 20\n"
      "  weft bench configs/pretrain/gpt2-124m.yaml precision=bf16 --generate");
  add_config_options(verb, options->config);
  verb.option("config").required(false);
  verb.add_option("--steps", options->steps, "timed steps, or generations")
      .between(1, kMostSteps)
      .shows_default();
  verb.add_option("--warmup", options->warmup, "steps before them")
      .between(0, kMostSteps)
      .shows_default();
  add_generation_options(verb, *options);
  verb.add_flag("--operators", options->operators,
                "time each kind of operator of the config's step alone, --steps times");
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options] {
    interrupts();
    if (options->operators) run_operators(*options);
    else print_values(measured(*options), options->json);
    end_if_interrupted();
  });
}

void add_profile(Verb& app) {
  auto options = std::make_shared<Options>();
  Verb verb = app.add_verb("profile", "Say where the time of a step goes");
  verb.footer("Example:\n  weft profile configs/pretrain/demo.yaml --trace trace.json");
  add_config_options(verb, options->config);
  verb.add_option("--warmup", options->warmup, "steps before the one that is timed")
      .between(0, kMostSteps)
      .shows_default();
  verb.add_flag("--save", options->save,
                "also into the config's output_dir, for the page of `weft report`");
  verb.add_option("--trace", options->trace, "a Chrome trace to write (ui.perfetto.dev)")
      .not_empty();
  verb.callback([options] { run_profile(*options); });
}

}  // namespace weft::cli
