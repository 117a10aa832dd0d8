// `weft evaluate`: how well a model predicts text, shards, or a batch that another framework made.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/inference.h"
#include "cli/text_input.h"
#include "cli/verb.h"
#include "core/file_system.h"
#include "core/json_number.h"
#include "core/quote.h"
#include "data/ngram_baseline.h"
#include "data/prepare.h"
#include "data/sequences.h"
#include "data/tokenized_text.h"
#include "train/batch_evaluation.h"
#include "train/text_evaluation.h"

namespace weft::cli {
namespace {

struct Options {
  InferenceOptions model;
  std::string text, shards, batch, output;
  std::string split = "validation";
  std::string text_field = "text";
  std::string invalid_utf8 = "error";
  int64_t sequence_len = 0;
  int64_t batch_size = 8;
  bool json = false;
  bool baselines = false;
  bool cross_documents = false;
};

train::EvaluationResult evaluate_tokens(const Options& options, const ModelFolder& model,
                                        const data::TokenSequences& sequences) {
  train::TextEvaluation evaluation(model.spec, model.tensors,
                                   {.batch = options.batch_size,
                                    .time = sequences.sequence_len(),
                                    .compute = compute_type(options.model.precision, model),
                                    .threads = thread_count(options.model.threads),
                                    .device = device_of(options.model),
                                    .document_mask = !options.cross_documents});
  return evaluation.run(sequences, interrupts());
}

int64_t window_length(const Options& options, const ModelFolder& model) {
  return options.sequence_len > 0 ? options.sequence_len
                                  : std::min<int64_t>(model.spec.max_positions, 1024);
}

void check_loss(double loss) {
  if (!std::isfinite(loss))
    throw Error(
        "the loss is not finite: training has diverged or the weights are damaged; use an "
        "earlier checkpoint",
        ExitCode::kDiverged);
}

void show(const Options& options, const train::EvaluationResult& result, int64_t text_bytes,
          const std::optional<data::NgramLosses>& baselines) {
  nlohmann::ordered_json out;
  out["loss"] = json_of_number(result.loss);
  out["perplexity"] = json_of_number(std::exp(result.loss));
  if (text_bytes > 0)
    out["bits_per_byte"] = json_of_number(result.loss * static_cast<double>(result.tokens) /
                                          std::log(2.0) / static_cast<double>(text_bytes));
  out["tokens"] = result.tokens;
  if (baselines) {
    out["unigram_loss"] = baselines->unigram;
    out["bigram_loss"] = baselines->bigram;
  }
  print_values(out, options.json);
  check_loss(result.loss);
}

// Ids of another tokenizer mean other text. Only told, for a file that was written anew by another
// tool has another hash and may give the same ids.
void tell_other_tokenizer(const ModelFolder& model, const data::TokenStream& stream) {
  if (model.tokenizer == nullptr ||
      data::tokenizer_hash(*model.tokenizer) == stream.tokenizer_hash())
    return;
  std::cerr << "weft: the " << printable(stream.name())
            << " was made with another tokenizer file than the model's in "
            << quote_path(model.path)
            << "; unless both give the same ids, its loss means nothing\n";
}

void evaluate_shards(const Options& options, const ModelFolder& model) {
  const data::Split split =
      options.split == "train" ? data::Split::kTrain : data::Split::kValidation;
  const Path folder = options.shards;
  const data::TokenStream stream(folder, split);
  if (stream.tokens() == 0)
    throw Error(stream.name() + " is empty; --split " +
                (split == data::Split::kTrain ? "validation" : "train") +
                " takes the other one, `weft prepare --val-split` makes both");
  stream.check_vocabulary(model.spec.vocab_size);
  tell_other_tokenizer(model, stream);
  const data::TokenWindows windows(stream, {.sequence_len = window_length(options, model),
                                            .document_mask = !options.cross_documents,
                                            .keep_partial = true});
  const train::EvaluationResult result = evaluate_tokens(options, model, windows);
  std::optional<data::NgramLosses> baselines;
  if (options.baselines)
    baselines =
        data::evaluate(data::NgramModel(data::TokenStream(folder, data::Split::kTrain)), stream);
  show(options, result, stream.bytes(), baselines);
}

void evaluate_text(const Options& options, const ModelFolder& model) {
  if (model.tokenizer == nullptr)
    throw Error(quote_path(model.path) +
                " has no tokenizer.json, tokenizer.model, vocab.json or vocab.txt, so --text "
                "cannot be read");
  data::TokenizedText text = data::tokenize_text(
      real_file_system(), *model.tokenizer, {options.text},
      {.text_field = options.text_field, .invalid_utf8 = parse_invalid_utf8(options.invalid_utf8)});
  tell_left_out(text.left_out);
  if (text.ids.size() < 2)
    throw Error("'" + options.text + "' has " + std::to_string(text.ids.size()) +
                " tokens; at least 2 are needed to predict one from another");
  if (options.cross_documents) text.document_starts.clear();
  const train::IdSequences sequences(std::move(text.ids), std::move(text.document_starts),
                                     window_length(options, model));
  show(options, evaluate_tokens(options, model, sequences), text.bytes, std::nullopt);
}

void evaluate_batch(const Options& options, const ModelFolder& model) {
  if (options.output.empty())
    throw Error("evaluate: --batch needs --output FILE.safetensors, where the logits go");
  const std::optional<double> loss =
      train::evaluate_batch(model.spec, model.tensors,
                            {.input = options.batch,
                             .output = options.output,
                             .compute = compute_type(options.model.precision, model),
                             .threads = thread_count(options.model.threads),
                             .device = device_of(options.model)});
  nlohmann::ordered_json out;
  if (loss) out["loss"] = json_of_number(*loss);
  out["output"] = options.output;
  print_values(out, options.json);
  if (loss) check_loss(*loss);
}

// Exactly one of the three, before a model is read.
void check_options(const Options& options) {
  const bool any = !options.text.empty() || !options.shards.empty() || !options.batch.empty();
  if (!any) throw Error("evaluate: give one of --text FILE, --shards DIR, --batch FILE");
  if (options.baselines && options.shards.empty())
    throw Error("evaluate: --baselines needs --shards, whose training split they learn from");
}

void run(const Options& options) {
  check_options(options);
  const ModelFolder model = open_model(options.model, false);
  if (!options.batch.empty()) return evaluate_batch(options, model);
  if (!options.shards.empty()) return evaluate_shards(options, model);
  evaluate_text(options, model);
}

}  // namespace

void add_evaluate(Verb& app) {
  auto options = std::make_shared<Options>();
  Verb verb = app.add_verb("evaluate", "Measure how well a model predicts");
  verb.footer(
      "Example:\n  weft evaluate --model runs/demo/export --shards runs/demo/tokens --baselines");
  add_inference_options(verb, options->model);
  Option text = verb.add_option("--text", options->text, "text: a file, or a folder of them");
  Option shards = verb.add_option("--shards", options->shards, "a folder of `weft prepare`");
  const Option batch = verb.add_option(
      "--batch", options->batch, "a .safetensors file with input_ids, attention_mask, labels");
  text.excludes(shards).excludes(batch);
  shards.excludes(batch);
  verb.add_option("--output", options->output, "with --batch: where logits and loss go")
      .needs(batch);
  verb.add_option("--split", options->split, "of --shards")
      .among({"train", "validation"})
      .needs(shards)
      .shows_default();
  add_text_options(verb, options->text_field, options->invalid_utf8);
  verb.add_option("--sequence-len", options->sequence_len,
                  "tokens of a window; 0: the model's, at most 1024")
      .between(0, int64_t{1} << 24)
      .excludes(batch);
  verb.add_option("--batch-size", options->batch_size, "windows side by side")
      .between(1, int64_t{1} << 20)
      .excludes(batch)
      .shows_default();
  verb.add_flag("--baselines", options->baselines,
                "with --shards: also unigram and bigram models of the training split");
  verb.add_flag("--cross-documents", options->cross_documents,
                "tokens also see the documents before their own in their window")
      .excludes(batch);
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options] {
    interrupts();
    run(*options);
  });
}

}  // namespace weft::cli
