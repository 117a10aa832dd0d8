#include "cli/bench_generation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "cli/inference.h"
#include "core/process.h"
#include "core/thread_pool.h"
#include "generate/cached_model.h"
#include "generate/sampling.h"
#include "nn/decoder.h"
#include "runtime/roof.h"
#include "train/initialize.h"
#include "weft/kernel_choice.h"
#include "weft/philox.h"

namespace weft::cli {
namespace {

using graph::kNoValue;
using Rows = std::vector<std::vector<int32_t>>;  // tokens by sequence

// What is generated with: a folder's model, or one of random weights.
struct Subject {
  nn::DecoderSpec spec;
  DType compute = DType::kF32;
  int threads = 1;
  runtime::DeviceChoice device;
  uint64_t seed = 0;
  std::optional<ModelFolder> folder;
};

Subject subject_of(const GenerationBench& options) {
  if (!options.model.empty()) {
    ModelFolder folder =
        open_model({.model = options.model, .kernels = options.config.kernels}, false);
    const nn::DecoderSpec spec = folder.spec;
    const DType compute = compute_type(options.precision, folder);
    return {.spec = spec,
            .compute = compute,
            .threads = thread_count(0),
            .device = runtime::choose_device("auto", kernel_choice()),
            .folder = std::move(folder)};
  }
  const train::PretrainConfig config = load_config(options.config);
  return {.spec = nn::decoder_spec(*config.model),
          .compute = config.compute_type(),
          .threads = threads_of(config),
          .device = runtime::choose_device(config.device, config.kernels),
          .seed = static_cast<uint64_t>(config.seed)};
}

runtime::MachineRoof roof_of(const Subject& subject) {
  constexpr double kSeconds = 0.5;
  if (const auto device = runtime::open_device(subject.device))
    return runtime::measure_roof(subject.compute, *device, kSeconds);
  return runtime::measure_roof(subject.compute, ThreadPool(subject.threads), kSeconds);
}

// The values that a model starts its training with, in the type that it computes in.
void initialize(const runtime::ForwardSession& session, uint64_t seed) {
  std::set<const void*> done;
  std::vector<float> values;
  std::vector<BFloat16> rounded;
  for (size_t i = 0; i < session.programs().size(); ++i) {
    const graph::Program& program = session.programs()[i];
    const graph::GraphData& data = program.graph();
    for (const graph::Instruction& instruction : program.instructions())
      for (const graph::ValueId id : data.node(instruction.node).inputs) {
        if (id == kNoValue || !runtime::is_parameter(data, id)) continue;
        const graph::Tensor tensor = program.tensor(id);
        if (!done.insert(tensor.data).second) continue;
        const graph::ValueId master = data.value(id).master;
        const graph::ValueInfo& info = data.value(master == kNoValue ? id : master);
        values.resize(static_cast<size_t>(tensor.type.shape.elements()));
        train::initialize_parameter(info.name, info.initializer, seed, values, session.parallel());
        rounded.resize(values.size());
        train::round_to_bf16(values, rounded.data(), session.parallel());
        const bool is_copy = tensor.type.dtype == DType::kBF16;
        session.programs().write_shared(
            data.value(id).name,
            is_copy ? std::as_bytes(std::span(rounded)) : std::as_bytes(std::span(values)));
      }
  }
}

// Bytes of the parameters that a run of the program reads whole. Of a table of which an operator
// reads rows, it moves fewer bytes than there are.
int64_t weight_bytes(const graph::GraphData& data) {
  std::set<graph::ValueId> read;
  int64_t bytes = 0;
  for (const graph::NodeId n : data.order) {
    const graph::Node& node = data.node(n);
    const auto types = graph::input_types(data, node);
    const double moved = node.contract->cost({types, node.params}).bytes;
    for (const graph::ValueId id : node.inputs) {
      if (id == kNoValue || !runtime::is_parameter(data, id)) continue;
      const int64_t size = data.value(id).type.bytes();
      if (moved >= static_cast<double>(size) && read.insert(id).second) bytes += size;
    }
  }
  return bytes;
}

// Keys and values that are read for one token, on the mean over the new tokens after the first.
double cache_bytes(const Subject& subject, const GenerationBench& options) {
  const nn::DecoderSpec& spec = subject.spec;
  const double width = static_cast<double>(2 * spec.kv_heads * spec.head_dim) *
                       static_cast<double>(size_of(subject.compute));
  double bytes = 0;
  for (int64_t layer = 0; layer < spec.layers; ++layer)
    for (int64_t i = 1; i < options.new_tokens; ++i) {
      const int64_t length = options.prompt_tokens + i, window = spec.window_of(layer);
      bytes += width * static_cast<double>(window > 0 ? std::min(window, length) : length);
    }
  return bytes / static_cast<double>(std::max<int64_t>(1, options.new_tokens - 1));
}

struct RunSeconds {
  double prompt = 0;  // until the first new token is known
  double rest = 0;    // the other new tokens
  double all() const { return prompt + rest; }
};

// Reads `tokens`, by sequence, and leaves the best token of each there.
void advance(generate::CachedModel& model, Rows& tokens) {
  const std::span<const float> logits = model.append(tokens);
  const size_t vocabulary = static_cast<size_t>(model.vocab_size());
  for (size_t row = 0; row < tokens.size(); ++row)
    tokens[row] = {generate::greedy_token(logits.subspan(row * vocabulary, vocabulary))};
}

RunSeconds run_once(generate::CachedModel& model, Rows tokens, int64_t new_tokens) {
  model.reset();
  const double start = monotonic_seconds();
  advance(model, tokens);
  const double first = monotonic_seconds();
  for (int64_t i = 1; i < new_tokens; ++i) advance(model, tokens);
  return {.prompt = first - start, .rest = monotonic_seconds() - first};
}

Rows random_prompts(const GenerationBench& options, int64_t vocab_size) {
  Rows prompts(static_cast<size_t>(options.sequences));
  for (size_t row = 0; row < prompts.size(); ++row)
    for (int64_t i = 0; i < options.prompt_tokens; ++i) {
      const uint32_t word = philox(row, static_cast<uint64_t>(i))[0];
      prompts[row].push_back(static_cast<int32_t>(word % static_cast<uint64_t>(vocab_size)));
    }
  return prompts;
}

std::vector<RunSeconds> time_runs(generate::CachedModel& model, const GenerationBench& options) {
  const Rows prompts = random_prompts(options, model.vocab_size());
  std::vector<RunSeconds> runs;
  for (int64_t i = 0; i < options.warmup + options.runs && interrupts().load() == 0; ++i) {
    const RunSeconds seconds = run_once(model, prompts, options.new_tokens);
    if (i >= options.warmup) runs.push_back(seconds);
  }
  if (runs.empty()) throw Error("interrupted before the first run", ExitCode::kInterrupted);
  return runs;
}

template <class Seconds>
double median(const std::vector<RunSeconds>& runs, Seconds seconds) {
  std::vector<double> values;
  for (const RunSeconds& run : runs) values.push_back(std::invoke(seconds, run));
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

nlohmann::ordered_json bench_generation(const GenerationBench& options) {
  Subject subject = subject_of(options);
  // Before the model is there, so that both need not fit into memory at one time.
  const runtime::MachineRoof roof = roof_of(subject);
  const generate::CacheOptions cache{.batch = options.sequences,
                                     .capacity = options.prompt_tokens + options.new_tokens,
                                     .chunk = generate::chunk_for(options.prompt_tokens),
                                     .compute = subject.compute};
  runtime::ForwardSession session(generate::generation_graphs(subject.spec, cache), subject.threads,
                                  subject.device);
  if (subject.folder) session.load(subject.folder->tensors, subject.spec);
  else initialize(session, subject.seed);
  generate::CachedModel model(subject.spec, cache, {session.programs(), 0, session.parallel()});
  const std::vector<RunSeconds> runs = time_runs(model, options);
  const double sequences = static_cast<double>(options.sequences);
  const double tokens = static_cast<double>(options.new_tokens);
  const double weights = static_cast<double>(weight_bytes(session.programs()[1].graph()));
  const double bytes = weights + sequences * cache_bytes(subject, options);
  nlohmann::ordered_json out;
  out["tokens_per_second"] = sequences * tokens / median(runs, &RunSeconds::all);
  out["prompt_tokens_per_second"] =
      sequences * static_cast<double>(options.prompt_tokens) / median(runs, &RunSeconds::prompt);
  if (options.new_tokens > 1) {
    const double rate = (tokens - 1) / median(runs, &RunSeconds::rest);
    out["new_tokens_per_second"] = sequences * rate;
    out["bytes_per_token"] = bytes;
    out["read_gb_per_second"] = rate * bytes / 1e9;
    out["memory_share"] = rate * bytes / roof.bytes_per_second;
  }
  out["threads"] = subject.threads;
  out["kernels"] = kernels_in_use();
  return out;
}

}  // namespace weft::cli
