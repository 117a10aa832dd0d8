// `weft prepare`: text to checksummed shards of tokens.
#include <iostream>
#include <memory>

#include "cli/verb.h"
#include "data/chars_of_text.h"
#include "data/prepare.h"

namespace weft::cli {
namespace {

struct Options {
  data::PrepareOptions prepare;
  std::string output;
  std::string tokenizer;
  std::string split = "hash:0.05";
  std::string invalid_utf8 = "error";
  int threads = 0;
};

// "hash:0.05", "tail:0.1", "none".
data::SplitOptions parse_split(const std::string& text) {
  if (text == "none") return {.size = 0};
  const size_t colon = text.find(':');
  const std::string by = text.substr(0, colon);
  char* end = nullptr;
  const std::string given = colon == std::string::npos ? "0.05" : text.substr(colon + 1);
  const double size = std::strtod(given.c_str(), &end);
  const bool size_ok = !given.empty() && *end == '\0' && size >= 0 && size < 1;
  if ((by != "hash" && by != "tail") || !size_ok)
    throw Error("--val-split: '" + text +
                "' is not known; allowed: hash:SIZE, tail:SIZE with SIZE in [0, 1), or none");
  return {.by = by == "hash" ? data::SplitBy::kHash : data::SplitBy::kTail, .size = size};
}

std::unique_ptr<const text::Tokenizer> tokenizer_of(const Options& options) {
  if (options.tokenizer != "chars") return text::load_tokenizer(options.tokenizer);
  return data::chars_of_text(
      real_file_system(), options.prepare.inputs,
      {.text_field = options.prepare.text_field, .invalid_utf8 = options.prepare.invalid_utf8});
}

void show(const data::PrepareResult& result, const std::string& folder) {
  for (const std::string& warning : result.warnings) std::cerr << "weft: " << warning << "\n";
  for (const data::LeftOut& left : result.manifest.left_out)
    std::cerr << "weft: left out: " << left.count << " x " << left.reason << " (for example "
              << left.example << ")\n";
  for (const data::Split split : data::kSplits) {
    const data::SplitContent& content = result.manifest.split(split);
    std::cout << name_of(split) << ": " << content.documents << " documents, " << content.bytes
              << " bytes, " << content.tokens << " tokens\n";
  }
  std::cout << "written to '" << folder << "'\n";
}

void run(Options& options) {
  interrupts();  // before any thread
  options.prepare.output = options.output;
  options.prepare.split = parse_split(options.split);
  options.prepare.invalid_utf8 = parse_invalid_utf8(options.invalid_utf8);
  options.prepare.threads = thread_count(options.threads);
  options.prepare.progress = [](const data::PrepareProgress&) {
    if (interrupts().load() > 0)
      throw Error("interrupted; nothing was written", ExitCode::kInterrupted);
  };
  const auto tokenizer = tokenizer_of(options);
  show(data::prepare(*tokenizer, options.prepare), options.output);
}

}  // namespace

void add_prepare(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("prepare", "Turn text into shards of tokens");
  verb->footer(
      "Example:\n  weft prepare corpus/ -o run/tokens --tokenizer run/tokenizer.json "
      "--val-split hash:0.05");
  verb->add_option("inputs", options->prepare.inputs, ".txt and .jsonl files, or folders of them")
      ->required();
  verb->add_option("-o,--output", options->output, "the folder to write")->required();
  verb->add_option("--tokenizer", options->tokenizer,
                   "a tokenizer.json, its folder, or one of the words bytes and chars")
      ->required();
  verb->add_option("--val-split", options->split, "hash:SIZE, tail:SIZE or none")
      ->capture_default_str();
  add_text_options(*verb, options->prepare.text_field, options->invalid_utf8);
  verb->add_option("--shard-tokens", options->prepare.shard_tokens, "tokens of a shard, at most")
      ->capture_default_str();
  verb->add_flag("--overwrite", options->prepare.overwrite, "replace an existing tokens folder");
  verb->add_option("--threads", options->threads, "0: as many as the process may use")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  verb->callback([options] {
    interrupts();
    run(*options);
  });
}

}  // namespace weft::cli
