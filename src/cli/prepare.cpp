// `weft prepare`: text to checksummed shards of tokens.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "cli/verb.h"
#include "data/chars_of_text.h"
#include "data/prepare.h"
#include "data/standard_input.h"

namespace weft::cli {
namespace {

struct Options {
  data::PrepareOptions prepare;
  std::string output;
  std::string tokenizer;
  std::string split = "hash:0.05";
  std::string invalid_utf8 = "error";
  std::string bad_input = "stop";
  std::string input_format;
  int threads = 0;
};

data::BadInput parse_bad_input(const std::string& word) {
  for (const auto policy : {data::BadInput::kStop, data::BadInput::kSkip})
    if (name_of(policy) == word) return policy;
  throw Error("--bad-input: '" + word + "' is not known; allowed: stop, skip");
}

// What "-" means, in a file beside the output, which goes with this.
class StandardInput {
 public:
  explicit StandardInput(const Options& options) {
    const auto& inputs = options.prepare.inputs;
    if (std::find(inputs.begin(), inputs.end(), "-") == inputs.end()) return;
    const Path output = Path(options.output).lexically_normal();
    const Path named = output.has_filename() ? output : output.parent_path();
    create_folders(real_file_system(), parent_folder(named));
    file_ = parent_folder(named) / ("." + named.filename().string() + ".stdin");
    data::spool(real_file_system(), STDIN_FILENO, file_);
  }
  ~StandardInput() {
    try {
      if (!file_.empty()) remove_tree(real_file_system(), file_);
    } catch (...) {  // the next run writes over it
    }
  }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;
  const Path& file() const { return file_; }

 private:
  Path file_;
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
  return data::chars_of_text(real_file_system(), options.prepare.inputs,
                             {.text_field = options.prepare.text_field,
                              .invalid_utf8 = options.prepare.invalid_utf8,
                              .bad_input = options.prepare.bad_input},
                             options.prepare.input);
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
  options.prepare.bad_input = parse_bad_input(options.bad_input);
  if (!options.input_format.empty())
    options.prepare.input.format = data::input_kind(options.input_format);
  options.prepare.threads = thread_count(options.threads);
  const StandardInput standard_input(options);
  options.prepare.input.standard_input = standard_input.file();
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
  verb->add_option("inputs", options->prepare.inputs,
                   ".txt, .jsonl, .json, .csv and .tsv files, each also .gz or .zst; folders of "
                   "them, patterns, or - for standard input")
      ->required();
  verb->add_option("-o,--output", options->output, "the folder to write")->required();
  verb->add_option("--tokenizer", options->tokenizer,
                   "a tokenizer.json, its folder, or one of the words bytes and chars")
      ->required();
  verb->add_option("--val-split", options->split, "hash:SIZE, tail:SIZE or none")
      ->capture_default_str();
  add_text_options(*verb, options->prepare.text_field, options->invalid_utf8);
  verb->add_option("--bad-input", options->bad_input,
                   "records and files that cannot be read: stop or skip (and count)")
      ->capture_default_str();
  verb->add_option("--input-format", options->input_format,
                   "txt, jsonl, json, csv or tsv, whatever the names of the files say");
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
