// `weft generate`: text from a model.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/inference.h"
#include "cli/verb.h"
#include "core/file_system.h"
#include "core/quote.h"
#include "data/utf8_policy.h"
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
  std::optional<int64_t> max_new_tokens;
  int64_t seed = 0;
  int64_t beams = 1;
  double length_penalty = 1.0;
  bool json = false;
};

constexpr int64_t kDefaultNewTokens = 64;

// What can be said against the options before a model is read.
void check_options(const Options& options) {
  const generate::SamplingOptions& sampling = options.generate.sampling;
  generate::check(sampling);
  for (const std::string& stop : options.generate.stops)
    if (stop.empty()) throw Error("--stop: a stop string is empty; give at least one character");
  if (options.beams == 1) return;
  const generate::SamplingOptions unset{.repetition_penalty = sampling.repetition_penalty};
  const bool samples = (sampling.temperature != 0 && sampling.temperature != unset.temperature) ||
                       sampling.top_k != unset.top_k || sampling.top_p != unset.top_p ||
                       sampling.min_p != unset.min_p;
  if (samples)
    throw Error(
        "--beams searches for the likeliest text and draws nothing, so --temperature, --top-k, "
        "--top-p and --min-p have no meaning with it; leave them out, or --beams");
}

void check_prompt(const std::string& prompt, const std::string& where) {
  const size_t bad = data::first_invalid_utf8(prompt);
  if (bad != data::kAllValid)
    throw Error(where + ": byte " + std::to_string(bad) +
                " is no UTF-8 text; prompts must be UTF-8");
}

struct Prompt {
  std::string text;
  std::string where;  // it was given, for messages
  int64_t line = 0;   // of the file; 0: --prompt
};

// Each line that is not empty; how many are is told, so that nobody takes results for those of
// other lines.
std::vector<Prompt> read_prompts(const std::string& file) {
  const std::string text = read_text_file(file, kMaxPromptBytes);
  std::vector<Prompt> prompts;
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    const std::string where = printable(file) + ":" + std::to_string(++number);
    check_prompt(line, where);
    if (!line.empty()) prompts.push_back({std::move(line), where, number});
    begin = end + 1;
  }
  if (prompts.empty()) throw Error(quote_path(file) + " has no prompts; write one on each line");
  if (const int64_t empty = number - static_cast<int64_t>(prompts.size()); empty > 0)
    std::cerr << "weft: " << printable(file) << ": left out: " << empty
              << (empty == 1 ? " empty line" : " empty lines") << "\n";
  return prompts;
}

std::vector<Prompt> prompts_of(const Options& options) {
  if (!options.prompts_file.empty()) return read_prompts(options.prompts_file);
  check_prompt(options.prompt, "--prompt");
  return {{options.prompt, "--prompt"}};
}

// The ids of a prompt; an empty one is what a text begins with.
std::vector<int32_t> encode(const text::Tokenizer& tokenizer, const Prompt& prompt) {
  std::vector<int32_t> ids;
  try {
    ids = tokenizer.encode(prompt.text);
  } catch (const Error& error) {
    throw Error(prompt.where + ": " + error.what(), error.code());
  }
  if (!ids.empty()) return ids;
  const text::SpecialIds& special = tokenizer.special_ids();
  if (special.bos) return {*special.bos};
  if (special.eos) return {*special.eos};
  throw Error(
      prompt.where +
      ": the prompt has no tokens, and the tokenizer no token that begins a text; give a --prompt "
      "of at least one character");
}

class GenerateVerb {
 public:
  explicit GenerateVerb(const Options& options)
      : options_(options), texts_(prompts_of(options)), folder_(open_model(options.model)) {
    options_.generate.seed = static_cast<uint64_t>(options.seed);
    options_.generate.eos_tokens = end_tokens(folder_);
    for (const Prompt& prompt : texts_) {
      prompts_.push_back(encode(*folder_.tokenizer, prompt));
      check_room(prompt, static_cast<int64_t>(prompts_.back().size()));
    }
    set_length();
  }

  void run() {
    const int64_t side_by_side = static_cast<int64_t>(std::min(kBatch, prompts_.size()));
    const generate::CacheOptions cache{.batch = options_.beams > 1 ? options_.beams : side_by_side,
                                       .capacity = capacity_,
                                       .chunk = generate::chunk_for(longest_),
                                       .compute = compute_type(options_.model.precision, folder_)};
    runtime::ForwardSession session(generate::generation_graphs(folder_.spec, cache),
                                    thread_count(options_.model.threads),
                                    device_of(options_.model));
    session.load(folder_.tensors, folder_.spec);
    generate::CachedModel model(folder_.spec, cache, {session.programs(), 0, session.parallel()});
    if (options_.beams > 1) return search(model);
    for (size_t begin = 0; begin < prompts_.size() && !stopped(); begin += kBatch)
      run_batch(model, begin);
    check_interrupts();
  }

 private:
  void check_room(const Prompt& prompt, int64_t tokens) {
    const int64_t most = folder_.spec.max_positions, room = most - tokens;
    if (room < 1)
      throw Error(prompt.where + ": the prompt has " + std::to_string(tokens) +
                  " tokens, and the model is made for " + std::to_string(most) +
                  ", new ones included; give a shorter prompt");
    if (options_.max_new_tokens.value_or(0) > room)
      throw Error(prompt.where + ": with --max-new-tokens " +
                  std::to_string(*options_.max_new_tokens) + ": the model is made for " +
                  std::to_string(most) + " tokens, of which the prompt takes " +
                  std::to_string(tokens) + "; allowed: at most " + std::to_string(room));
    longest_ = std::max(longest_, tokens);
  }

  // Without a wish: 64 tokens, or fewer where the model has no room for them.
  void set_length() {
    options_.generate.max_new_tokens = options_.max_new_tokens.value_or(
        std::min(kDefaultNewTokens, folder_.spec.max_positions - longest_));
    capacity_ = longest_ + options_.generate.max_new_tokens;
  }

  static bool stopped() { return interrupts().load() > 0 || !std::cout; }

  // Who asked for many texts must not take some for all.
  static void check_interrupts() {
    if (interrupts().load() == 0) return;
    std::cout.flush();
    throw Error("interrupted before the end", ExitCode::kInterrupted);
  }

  void show(size_t prompt, const generate::Generated& result) const {
    if (!options_.json) {
      std::cout << for_output(texts_[prompt].text + result.text) << "\n";
      return;
    }
    nlohmann::ordered_json line = {{"prompt", texts_[prompt].text},
                                   {"text", result.text},
                                   {"tokens", result.tokens.size()},
                                   {"reason", name_of(result.reason)}};
    if (texts_[prompt].line > 0) line["line"] = texts_[prompt].line;
    std::cout << line.dump(-1, ' ', is_terminal(STDOUT_FILENO)) << "\n";
  }

  void run_batch(generate::CachedModel& model, size_t begin) {
    const size_t count = std::min(kBatch, prompts_.size() - begin);
    generate::Prompts batch{.first = begin};
    for (size_t i = begin; i < begin + count; ++i) batch.ids.push_back(prompts_[i]);
    const bool streams = prompts_.size() == 1 && !options_.json;
    if (streams) std::cout << for_output(texts_[0].text) << std::flush;
    const auto on_text = [&](size_t, const std::string& piece) {
      if (streams) std::cout << for_output(piece) << std::flush;
      return !stopped();
    };
    const auto results =
        generate::generate(model, *folder_.tokenizer, batch, options_.generate, on_text);
    if (streams) std::cout << "\n";
    for (size_t i = 0; !streams && i < results.size(); ++i) show(begin + i, results[i]);
  }

  void search(generate::CachedModel& model) {
    const generate::BeamOptions beams{
        .num_beams = options_.beams,
        .max_new_tokens = options_.generate.max_new_tokens,
        .length_penalty = options_.length_penalty,
        .repetition_penalty = options_.generate.sampling.repetition_penalty,
        .eos_tokens = options_.generate.eos_tokens};
    for (size_t i = 0; i < prompts_.size() && !stopped(); ++i)
      show(i, generate::generate_beams(model, *folder_.tokenizer, prompts_[i], beams,
                                       options_.generate.stops));
    check_interrupts();
  }

  Options options_;
  std::vector<Prompt> texts_;
  ModelFolder folder_;
  std::vector<std::vector<int32_t>> prompts_;
  int64_t longest_ = 0;   // prompt, in tokens
  int64_t capacity_ = 0;  // of a sequence
};

void add_sampling_options(Verb& verb, Options& o) {
  generate::SamplingOptions& s = o.generate.sampling;
  verb.add_option("--max-new-tokens", o.max_new_tokens,
                  "at most so many new tokens; without it 64, or what the model has room for")
      .between(0, int64_t{1} << 30);
  verb.add_option("--temperature", s.temperature, "divides the logits; 0 takes the best token")
      .shows_default();
  verb.add_option("--top-k", s.top_k, "keep the k best tokens; 0: all").shows_default();
  verb.add_option("--top-p", s.top_p, "keep the best tokens up to this probability")
      .shows_default();
  verb.add_option("--min-p", s.min_p, "keep tokens with this share of the best one's probability")
      .shows_default();
  verb.add_option("--repetition-penalty", s.repetition_penalty, "1: off").shows_default();
  const Option beams = verb.add_option("--beams", o.beams, "beam search with so many beams");
  Option(beams).between(1, 1024).shows_default();
  verb.add_option("--length-penalty", o.length_penalty, "of beam search")
      .needs(beams)
      .shows_default();
  verb.add_option("--seed", o.seed, "the same seed gives the same text")
      .between(0, INT64_MAX)
      .shows_default();
  verb.add_option("--stop", o.generate.stops, "end the text before this string").one_value_each();
}

}  // namespace

void add_generate(Verb& app) {
  auto options = std::make_shared<Options>();
  Verb verb = app.add_verb("generate", "Continue a prompt with a trained model");
  verb.footer(
      "Example:\n  weft generate --model runs/demo/export --prompt \"This License\" --seed 7");
  options->model.precision = "auto";
  add_inference_options(verb, options->model);
  const Option prompt = verb.add_option("--prompt", options->prompt, "the text to go on from");
  verb.add_option("--prompts", options->prompts_file, "a file with a prompt on each line")
      .excludes(prompt);
  add_sampling_options(verb, *options);
  verb.add_flag("--json", options->json, "a JSON object on each line: prompt, text, reason of end");
  verb.callback([options] {
    interrupts();
    check_options(*options);
    GenerateVerb(*options).run();
    end_if_interrupted();
  });
}

}  // namespace weft::cli
