// `weft plan` and `weft graph`: what a run needs, and the graph it runs; nothing is allocated.
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/config_options.h"
#include "cli/verb.h"
#include "core/arena.h"
#include "core/size_text.h"
#include "core/tree/scalars.h"
#include "graph/print.h"
#include "train/pretrainer.h"

namespace weft::cli {
namespace {

constexpr int kPlanJsonVersion = 1;

struct Options {
  ConfigOptions config;
  std::string memory;
  bool json = false;
  bool dot = false;
  std::string pass;
};

// Where and with what a plan's programs would run.
struct Target {
  int threads = 1;
  bool on_device = false;
};

train::SessionPlan plan_for(const train::PretrainConfig& config, const Target& target) {
  return train::plan_pretraining(config, target.threads, target.on_device);
}

int64_t planned_bytes(train::PretrainConfig config, int64_t micro_batch, const Target& target) {
  config.micro_batch_size = micro_batch;
  return plan_for(config, target).total();
}

constexpr int64_t kMostRows = 65536;  // more is not looked for

// The largest micro-batch whose plan fits; 0 if not even 1 does. Plans grow with the batch.
int64_t largest_micro_batch(const train::PretrainConfig& config, int64_t memory,
                            const Target& target) {
  int64_t fits = 0, too_large = 1;
  while (too_large <= kMostRows && planned_bytes(config, too_large, target) <= memory) {
    fits = too_large;
    too_large *= 2;
  }
  while (fits < kMostRows && too_large - fits > 1) {
    const int64_t middle = fits + (too_large - fits) / 2;
    (planned_bytes(config, middle, target) <= memory ? fits : too_large) = middle;
  }
  return fits;
}

struct Fit {
  std::optional<int64_t> memory;
  std::optional<int64_t> largest_micro_batch;
  bool fits = true;
};

nlohmann::ordered_json to_json(const train::PlanReport& p, const Fit& fit) {
  nlohmann::ordered_json out;
  out["version"] = kPlanJsonVersion;
  out["parameter_count"] = p.parameter_count;
  out["bytes"] = {{"parameters", p.parameters},
                  {"compute_copies", p.compute_copies},
                  {"gradients", p.gradients},
                  {"optimizer_state", p.optimizer_state},
                  {"constants", p.constants},
                  {"inputs_and_scalars", p.inputs_and_scalars},
                  {"forward_programs", p.forward_programs},
                  {"persistent", p.persistent},
                  {"activations", p.activations_total},
                  {"largest_workspace", p.largest_workspace},
                  {"transient", p.transient},
                  {"transient_lower_bound", p.transient_lower_bound},
                  {"total", p.total}};
  for (const train::LayerBytes& layer : p.activations)
    out["activations_by_layer"].push_back({{"layer", layer.layer}, {"bytes", layer.bytes}});
  out["micro_batch"] = {{"flops", p.flops_per_micro_batch}, {"bytes", p.bytes_per_micro_batch}};
  out["update"] = {{"flops", p.flops_per_update}, {"bytes", p.bytes_per_update}};
  if (p.snapshot > 0) out["snapshot"] = p.snapshot;
  out["device"] = p.on_device ? "cuda" : "cpu";
  if (p.on_device) {
    out["device_staging"] = p.device_staging;
    out["device_kernels"] = p.device_kernels;
    out["pinned_host_memory"] = {{"staging", p.pinned_staging}, {"checkpoints", p.pinned_mirror}};
  }
  if (fit.memory) out["memory"] = *fit.memory;
  if (fit.largest_micro_batch) out["largest_micro_batch"] = *fit.largest_micro_batch;
  out["fits"] = fit.fits;
  return out;
}

void line(const std::string& name, int64_t bytes) {
  std::cout << "  " << name << std::string(28 - std::min<size_t>(27, name.size()), ' ')
            << size_text(bytes) << "\n";
}

void print(const train::PlanReport& p, const Fit& fit) {
  std::cout << p.parameter_count << " parameters, on the " << (p.on_device ? "GPU" : "CPU")
            << "\nsurvives steps\n";
  line("parameters (fp32)", p.parameters);
  if (p.compute_copies > 0) line("copies in bf16", p.compute_copies);
  line("gradients", p.gradients);
  line("optimizer state", p.optimizer_state);
  line("constants and inputs", p.constants + p.inputs_and_scalars);
  line("evaluation and samples", p.forward_programs);
  if (p.snapshot > 0) line("copy for checkpoints", p.snapshot);
  std::cout << "within a step\n";
  for (const train::LayerBytes& layer : p.activations)
    line("activations of " + layer.layer, layer.bytes);
  line("activations, all", p.activations_total);
  line("largest workspace", p.largest_workspace);
  line("together", p.transient);
  const double over =
      100.0 * (static_cast<double>(p.transient) /
                   static_cast<double>(std::max<int64_t>(1, p.transient_lower_bound)) -
               1.0);
  std::cout << "  (" << over << " % above the largest set of what lives at one time, "
            << size_text(p.transient_lower_bound) << ")\n";
  if (p.on_device) line("staged for steps", p.device_staging);
  if (p.on_device) line("workspace of kernels", p.device_kernels);
  line("TOTAL", p.total);
  if (p.on_device) {
    std::cout << "pinned memory of the host\n";
    line("staging", p.pinned_staging);
    line("copy for checkpoints", p.pinned_mirror);
  }
  std::cout << "micro-batch: " << p.flops_per_micro_batch / 1e9 << " Gflop, at least "
            << p.bytes_per_micro_batch / 1e9 << " GB moved; update: " << p.bytes_per_update / 1e9
            << " GB\n";
  if (!p.on_device)
    std::cout << "huge pages: "
              << (system_gives_huge_pages() ? "the system gives them\n"
                                            : "the system gives none, which costs speed\n");
  if (fit.largest_micro_batch)
    std::cout << "largest micro_batch_size within " << size_text(*fit.memory) << ": "
              << (*fit.largest_micro_batch == kMostRows ? "at least " : "")
              << *fit.largest_micro_batch << "\n";
  if (!fit.fits)
    std::cout << "does not fit: lower micro_batch_size or sequence_len, or set "
                 "gradient_checkpointing: full\n";
}

void run_plan(const Options& options) {
  const train::PretrainConfig config = load_config(options.config);
  const Target target{.threads = threads_of(config),
                      .on_device = runtime::plans_for_gpu(config.device, config.kernels)};
  const train::PlanReport plan = train::report_plan(plan_for(config, target));
  Fit fit;
  if (!options.memory.empty()) {
    fit.memory = parse_bytes(options.memory, "--memory");
    fit.largest_micro_batch = largest_micro_batch(config, *fit.memory, target);
    fit.fits = plan.total <= *fit.memory;
  }
  if (options.json) std::cout << to_json(plan, fit).dump(2) << "\n";
  else print(plan, fit);
  if (!fit.fits) throw EndWith{static_cast<int>(ExitCode::kDoesNotFit)};
}

void run_graph(const Options& options) {
  const train::PretrainConfig config = load_config(options.config);
  bool known = options.pass.empty();
  std::string allowed;
  const auto show = [&](std::string_view pass, const graph::GraphData& data) {
    allowed += (allowed.empty() ? "" : ", ") + std::string(pass);
    if (!options.pass.empty() && pass != options.pass) return;
    known = true;
    if (options.dot) std::cout << graph::to_dot(data, pass);
    else std::cout << "== after " << pass << "\n" << graph::to_text(data);
  };
  train::show_passes(config, show);
  if (!known) throw Error("--pass: '" + options.pass + "' is not known; allowed: " + allowed);
}

}  // namespace

void add_plan(Verb& app) {
  auto options = std::make_shared<Options>();
  Verb verb = app.add_verb("plan", "Say what a run needs before it starts");
  verb.footer(
      "Example:\n  weft plan configs/pretrain/gpt2-124m.yaml --memory 16GiB\n"
      "Exit code 3 when it does not fit.");
  add_config_options(verb, options->config);
  verb.add_option("--memory", options->memory, "what there is, for example 16GiB").not_empty();
  verb.add_flag("--json", options->json, "as JSON (keys: docs/formats.md)");
  verb.callback([options] { run_plan(*options); });
}

void add_graph(Verb& app) {
  auto options = std::make_shared<Options>();
  Verb verb = app.add_verb("graph", "Show the graph of a step after each pass");
  verb.footer("Example:\n  weft graph configs/pretrain/demo.yaml --pass update --dot | dot -Tsvg");
  add_config_options(verb, options->config);
  verb.add_option("--pass", options->pass, "only after this pass").not_empty();
  verb.add_flag("--dot", options->dot, "in Graphviz's language");
  verb.callback([options] { run_graph(*options); });
}

}  // namespace weft::cli
