// `weft evaluate`: how well a model predicts text, shards, or a batch that another framework made.
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/inference.h"
#include "cli/verb.h"
#include "core/file_system.h"
#include "data/ngram_baseline.h"
#include "data/sampler.h"
#include "data/sequences.h"
#include "io/safetensors.h"
#include "train/batch_evaluation.h"
#include "train/text_evaluation.h"

namespace weft::cli {
namespace {

constexpr int64_t kMaxTextBytes = int64_t{1} << 30;

struct Options {
  InferenceOptions model;
  std::string text, shards, batch, output;
  std::string split = "validation";
  int64_t sequence_len = 0;
  int64_t batch_size = 8;
  bool json = false;
  bool baselines = false;
};

train::EvaluationResult evaluate_tokens(const Options& options, const ModelFolder& model,
                                        const data::TokenSequences& sequences) {
  train::TextEvaluation evaluation(model.spec, model.tensors,
                                   {.batch = options.batch_size,
                                    .time = sequences.sequence_len(),
                                    .compute = compute_type(options.model.precision),
                                    .threads = thread_count(options.model.threads)});
  return evaluation.run(sequences, interrupts());
}

int64_t window_length(const Options& options, const ModelFolder& model) {
  return options.sequence_len > 0 ? options.sequence_len
                                  : std::min<int64_t>(model.spec.max_positions, 1024);
}

void show(const Options& options, const train::EvaluationResult& result, int64_t text_bytes,
          const std::optional<data::NgramLosses>& baselines) {
  nlohmann::ordered_json out;
  out["loss"] = result.loss;
  out["perplexity"] = std::exp(result.loss);
  if (text_bytes > 0)
    out["bits_per_byte"] = result.loss * static_cast<double>(result.tokens) / std::log(2.0) /
                           static_cast<double>(text_bytes);
  out["tokens"] = result.tokens;
  if (baselines) {
    out["unigram_loss"] = baselines->unigram;
    out["bigram_loss"] = baselines->bigram;
  }
  if (options.json) {
    std::cout << out.dump(2) << "\n";
    return;
  }
  for (const auto& [name, value] : out.items()) std::cout << name << " " << value.dump() << "\n";
}

void evaluate_shards(const Options& options, const ModelFolder& model) {
  const data::Split split =
      options.split == "train" ? data::Split::kTrain : data::Split::kValidation;
  const Path folder = options.shards;
  const data::TokenStream stream(folder, split);
  stream.check_vocabulary(model.spec.vocab_size);
  const data::TokenWindows windows(
      stream, {.sequence_len = window_length(options, model), .keep_partial = true});
  const train::EvaluationResult result = evaluate_tokens(options, model, windows);
  std::optional<data::NgramLosses> baselines;
  if (options.baselines)
    baselines =
        data::evaluate(data::NgramModel(data::TokenStream(folder, data::Split::kTrain)), stream);
  show(options, result, stream.bytes(), baselines);
}

void evaluate_text(const Options& options, const ModelFolder& model) {
  const std::string text = read_text_file(options.text, kMaxTextBytes);
  if (model.tokenizer == nullptr)
    throw Error("'" + model.path.string() + "' has no tokenizer.json, so --text cannot be read");
  const std::vector<int32_t> ids = model.tokenizer->encode(text);
  const train::IdSequences sequences(ids, window_length(options, model));
  show(options, evaluate_tokens(options, model, sequences), static_cast<int64_t>(text.size()),
       std::nullopt);
}

void run(const Options& options) {
  const ModelFolder model = open_model(options.model, false);
  if (!options.batch.empty())
    return train::evaluate_batch(model.spec, model.tensors,
                                 {.input = options.batch,
                                  .output = options.output,
                                  .compute = compute_type(options.model.precision),
                                  .threads = thread_count(options.model.threads)});
  if (!options.shards.empty()) return evaluate_shards(options, model);
  if (!options.text.empty()) return evaluate_text(options, model);
  throw Error("evaluate: give one of --text FILE, --shards DIR, --batch FILE");
}

}  // namespace

void add_evaluate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("evaluate", "Measure how well a model predicts");
  verb->footer(
      "Example:\n  weft evaluate --model runs/demo/export --shards runs/demo/tokens --baselines");
  add_inference_options(*verb, options->model);
  auto* text = verb->add_option("--text", options->text, "a text file");
  auto* shards = verb->add_option("--shards", options->shards, "a folder of `weft prepare`");
  auto* batch = verb->add_option("--batch", options->batch,
                                 "a .safetensors file with input_ids, attention_mask, labels");
  text->excludes(shards)->excludes(batch);
  shards->excludes(batch);
  verb->add_option("--output", options->output, "with --batch: where logits and loss go")
      ->needs(batch);
  verb->add_option("--split", options->split, "of --shards")
      ->check(CLI::IsMember({"train", "validation"}))
      ->capture_default_str();
  verb->add_option("--sequence-len", options->sequence_len,
                   "tokens of a window; 0: the model's, at most 1024")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 24));
  verb->add_option("--batch-size", options->batch_size, "windows side by side")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  verb->add_flag("--baselines", options->baselines,
                 "with --shards: also unigram and bigram models of the training split");
  verb->add_flag("--json", options->json, "as JSON");
  verb->callback([options] {
    interrupts();
    run(*options);
  });
}

}  // namespace weft::cli
