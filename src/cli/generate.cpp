// `weft generate`: text from a model.
#include <iostream>
#include <memory>

#include "cli/inference.h"
#include "cli/verb.h"
#include "core/file_system.h"
#include "generate/generator.h"

namespace weft::cli {
namespace {

constexpr int64_t kMaxPromptBytes = int64_t{64} << 20;
constexpr size_t kBatch = 8;  // prompts of a file that are continued side by side

struct Options {
  InferenceOptions model;
  std::string prompt;
  std::string prompts_file;
  generate::GenerateOptions generate;
  int64_t beams = 1;
  double length_penalty = 1.0;
};

std::vector<std::string> read_prompts(const Options& options) {
  if (options.prompts_file.empty()) return {options.prompt};
  const std::string text = read_text_file(options.prompts_file, kMaxPromptBytes);
  std::vector<std::string> prompts;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) prompts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (prompts.empty())
    throw Error("'" + options.prompts_file + "' has no prompts; write one on each line");
  return prompts;
}

// The ids of a prompt; an empty one is what a text begins with.
std::vector<int32_t> encode(const text::Tokenizer& tokenizer, const std::string& prompt) {
  std::vector<int32_t> ids = tokenizer.encode(prompt);
  if (!ids.empty()) return ids;
  const text::SpecialIds& special = tokenizer.special_ids();
  if (special.bos) return {*special.bos};
  if (special.eos) return {*special.eos};
  throw Error("the prompt has no tokens, and the tokenizer no token that begins a text");
}

class GenerateVerb {
 public:
  explicit GenerateVerb(const Options& options)
      : options_(options), folder_(open_model(options.model)) {
    options_.generate.eos_tokens = end_tokens(folder_);
    for (const std::string& prompt : read_prompts(options_)) {
      texts_.push_back(prompt);
      prompts_.push_back(encode(*folder_.tokenizer, prompt));
      longest_ = std::max(longest_, prompts_.back().size());
    }
  }

  void run() {
    const bool searches = options_.beams > 1;
    const generate::CacheOptions cache{
        .batch =
            searches ? options_.beams : static_cast<int64_t>(std::min(kBatch, prompts_.size())),
        .capacity = static_cast<int64_t>(longest_) + options_.generate.max_new_tokens,
        .compute = compute_type(options_.model.precision)};
    runtime::ForwardSession session(generate::generation_graphs(folder_.spec, cache),
                                    thread_count(options_.model.threads));
    session.load(folder_.tensors, folder_.spec);
    generate::CachedModel model(folder_.spec, cache, {session.programs(), 0, session.parallel()});
    if (searches) return search(model);
    for (size_t begin = 0; begin < prompts_.size(); begin += kBatch) run_batch(model, begin);
  }

 private:
  void run_batch(generate::CachedModel& model, size_t begin) {
    const size_t count = std::min(kBatch, prompts_.size() - begin);
    generate::Prompts batch{.first = begin};
    for (size_t i = begin; i < begin + count; ++i) batch.ids.push_back(prompts_[i]);
    const bool streams = prompts_.size() == 1;
    if (streams) std::cout << texts_[0] << std::flush;
    const auto on_text = [&](size_t, const std::string& piece) {
      if (streams) std::cout << piece << std::flush;
      return interrupts().load() == 0;
    };
    const auto results =
        generate::generate(model, *folder_.tokenizer, batch, options_.generate, on_text);
    if (streams) std::cout << "\n";
    for (size_t i = 0; !streams && i < results.size(); ++i)
      std::cout << texts_[begin + i] << results[i].text << "\n";
  }

  void search(generate::CachedModel& model) {
    for (size_t i = 0; i < prompts_.size(); ++i) {
      const auto found = generate::generate_beams(
          model, prompts_[i],
          {.num_beams = options_.beams,
           .max_new_tokens = options_.generate.max_new_tokens,
           .length_penalty = options_.length_penalty,
           .repetition_penalty = options_.generate.sampling.repetition_penalty,
           .eos_tokens = options_.generate.eos_tokens},
          1);
      std::cout << texts_[i] << folder_.tokenizer->decode(found.at(0).tokens, {.continues = true})
                << "\n";
    }
  }

  Options options_;
  ModelFolder folder_;
  std::vector<std::string> texts_;
  std::vector<std::vector<int32_t>> prompts_;
  size_t longest_ = 0;
};

void add_sampling_options(CLI::App& verb, Options& o) {
  generate::SamplingOptions& s = o.generate.sampling;
  verb.add_option("--max-new-tokens", o.generate.max_new_tokens, "at most so many new tokens")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 30))
      ->capture_default_str();
  verb.add_option("--temperature", s.temperature, "divides the logits; 0 takes the best token")
      ->capture_default_str();
  verb.add_option("--top-k", s.top_k, "keep the k best tokens; 0: all")->capture_default_str();
  verb.add_option("--top-p", s.top_p, "keep the best tokens up to this probability")
      ->capture_default_str();
  verb.add_option("--min-p", s.min_p, "keep tokens with this share of the best one's probability")
      ->capture_default_str();
  verb.add_option("--repetition-penalty", s.repetition_penalty, "1: off")->capture_default_str();
  verb.add_option("--beams", o.beams, "beam search with so many beams")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb.add_option("--length-penalty", o.length_penalty, "of beam search")->capture_default_str();
  verb.add_option("--seed", o.generate.seed, "the same seed gives the same text")
      ->capture_default_str();
  verb.add_option("--stop", o.generate.stops, "end the text before this string")
      ->take_all()
      ->allow_extra_args(false);
}

}  // namespace

void add_generate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("generate", "Continue a prompt with a trained model");
  verb->footer(
      "Example:\n  weft generate --model runs/demo/export --prompt \"This License\" --seed 7");
  add_inference_options(*verb, options->model);
  auto* prompt = verb->add_option("--prompt", options->prompt, "the text to go on from");
  verb->add_option("--prompts", options->prompts_file, "a file with a prompt on each line")
      ->excludes(prompt);
  add_sampling_options(*verb, *options);
  verb->callback([options] {
    interrupts();
    GenerateVerb(*options).run();
  });
}

}  // namespace weft::cli
