// `weft prepare`: text to checksummed shards of tokens.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/text_input.h"
#include "cli/verb.h"
#include "cli/work_bar.h"
#include "config/load.h"
#include "core/quote.h"
#include "data/chars_of_text.h"
#include "data/prepare_config.h"

namespace weft::cli {
namespace {

// What was given on the command line. Options become keys, laid over those of a config.
struct Arguments {
  std::vector<std::string> words;  // inputs; or a config and its overrides
  std::optional<std::string> output, tokenizer, text_field, input_format, invalid_utf8, bad_input,
      column_statistics, val_split, shard_tokens, threads;
  std::vector<std::string> stages;
  bool overwrite = false;
  bool print_config = false;
};

bool is_config(const std::string& word) {
  return word.ends_with(".yaml") || word.ends_with(".yml");
}

// As YAML.
std::string in_quotes(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// "near_duplicates,bands=20,rows=8" as a YAML map; commas in brackets part nothing.
std::string stage_map(const std::string& text) {
  std::string map = "{stage: ";
  int depth = 0;
  for (const char c : text) {
    depth += (c == '[') - (c == ']');
    if (c == ',' && depth == 0) map += ", ";
    else if (c == '=' && depth == 0) map += ": ";
    else map += c;
  }
  return map + "}";
}

std::vector<std::string> overrides_of(const Arguments& arguments) {
  std::vector<std::string> overrides;
  const bool has_config = is_config(arguments.words.front());
  if (has_config) overrides.assign(arguments.words.begin() + 1, arguments.words.end());
  else overrides.push_back("inputs=" + nlohmann::json(arguments.words).dump());
  const std::pair<const char*, const std::optional<std::string>*> texts[] = {
      {"output", &arguments.output},         {"tokenizer", &arguments.tokenizer},
      {"text_field", &arguments.text_field}, {"input_format", &arguments.input_format},
      {"val_split", &arguments.val_split},   {"invalid_utf8", &arguments.invalid_utf8},
      {"bad_input", &arguments.bad_input},   {"column_statistics", &arguments.column_statistics}};
  for (const auto& [key, value] : texts)
    if (*value) overrides.push_back(std::string(key) + "=" + in_quotes(**value));
  if (arguments.shard_tokens) overrides.push_back("shard_tokens=" + *arguments.shard_tokens);
  if (arguments.threads) overrides.push_back("threads=" + *arguments.threads);
  if (arguments.overwrite) overrides.emplace_back("overwrite=true");
  if (!arguments.stages.empty()) {
    std::string list;
    for (const std::string& stage : arguments.stages)
      list += (list.empty() ? "" : ", ") + stage_map(stage);
    overrides.push_back("stages=[" + list + "]");
  }
  return overrides;
}

data::PrepareConfig load(const Arguments& arguments) {
  const bool has_config = is_config(arguments.words.front());
  const auto read = [&](const Path& file) {
    return has_config ? config::read_config_text(file) : std::string("{}\n");
  };
  const auto loaded = config::load<data::PrepareConfig>(
      has_config ? arguments.words.front() : "command line", overrides_of(arguments), read);
  for (const std::string& note : loaded.notes)
    std::cerr << "weft: " << printable_lines(note) << "\n";
  return loaded.value;
}

std::unique_ptr<const text::Tokenizer> tokenizer_of(const std::string& name,
                                                    const data::PrepareOptions& options) {
  if (name != "chars") return text::load_tokenizer(name);
  return data::chars_of_text(real_file_system(), options.inputs,
                             {.text_field = options.text_field,
                              .invalid_utf8 = options.invalid_utf8,
                              .bad_input = options.bad_input},
                             options.input);
}

void show(const data::PrepareResult& result, const std::string& folder) {
  for (const std::string& warning : result.warnings)
    std::cerr << "weft: " << printable_lines(warning) << "\n";
  tell_left_out(result.manifest.left_out);
  for (const data::StageReport& stage : result.manifest.stages)
    std::cout << "stage " << stage.stage << ": " << stage.documents << " documents, "
              << stage.changed << " changed, " << stage.dropped << " left out\n";
  if (!result.manifest.features.empty())
    std::cout << "features: " << result.manifest.features.size() << " of each document\n";
  for (const data::Split split : data::kSplits) {
    const data::SplitContent& content = result.manifest.split(split);
    std::cout << name_of(split) << ": " << content.documents << " documents, " << content.bytes
              << " bytes, " << content.tokens << " tokens\n";
  }
  std::cout << "written to " << quote_path(folder) << "\n";
}

void run(const Arguments& arguments) {
  interrupts();  // before any thread
  const data::PrepareConfig config = load(arguments);
  if (arguments.print_config) {
    std::cout << config::print(config);
    return;
  }
  data::PrepareOptions options = data::prepare_options(config);
  options.threads = thread_count(static_cast<int>(config.threads));
  const SpooledInput standard_input(config.inputs, config.output);
  options.input.standard_input = standard_input.file();
  WorkBar statistics("statistics"), bar("prepare");
  options.progress = [&](const data::PrepareProgress& progress) {
    if (interrupts().load() > 0)
      throw Error(
          progress.saved
              ? "interrupted; what was done is kept, and the same command goes on from there"
              : "interrupted; nothing was written",
          ExitCode::kInterrupted);
    if (!progress.measuring) statistics.finish();
    (progress.measuring ? statistics : bar).show(progress.bytes_done, progress.bytes_total);
  };
  const auto tokenizer = tokenizer_of(config.tokenizer, options);
  const data::PrepareResult result = data::prepare(*tokenizer, options);
  bar.finish();
  show(result, config.output);
}

void add_cleaning_options(Verb& verb, Arguments& arguments) {
  verb.add_option("--stage", arguments.stages,
                  "a stage of cleaning, as NAME or NAME,key=value,...; may be given several times, "
                  "and their order counts (docs/data.md has the list)")
      .one_value_each();
  verb.add_option("--column-statistics", arguments.column_statistics,
                  "a tokens folder: the stages missing, normalize and one_hot take its numbers "
                  "instead of learning their own");
  verb.add_option("--invalid-utf8", arguments.invalid_utf8,
                  "bytes that are no text: error, replace or skip [error]");
  verb.add_option("--bad-input", arguments.bad_input,
                  "records and files that cannot be read: stop or skip (and count) [stop]");
}

}  // namespace

void add_prepare(Verb& app) {
  auto arguments = std::make_shared<Arguments>();
  Verb verb = app.add_verb("prepare", "Turn text into shards of tokens");
  verb.footer(
      "Examples:\n  weft prepare corpus/ -o run/tokens --tokenizer run/tokenizer.json "
      "--val-split hash:0.05\n"
      "  weft prepare web/*.jsonl.zst -o run/tokens --tokenizer bytes --stage characters --stage "
      "near_duplicates,bands=20\n"
      "  weft prepare people.csv -o run/tokens --tokenizer bytes --stage "
      "missing,columns=[age],method=median --stage normalize,columns=[age] --stage "
      "one_hot,columns=[city]\n"
      "  weft prepare configs/prepare/web-english.yaml inputs=web/ output=run/tokens\n"
      "Interrupted or killed, the same command goes on where it was.");
  verb.add_option("inputs", arguments->words,
                  ".txt, .jsonl, .json, .csv and .tsv files, each also .gz or .zst; folders of "
                  "them, patterns, or - for standard input. Or a .yaml file and key=value")
      .required();
  verb.add_option("-o,--output", arguments->output, "the folder to write");
  verb.add_option("--tokenizer", arguments->tokenizer,
                  "a tokenizer.json, its folder, or one of the words bytes and chars");
  verb.add_option("--val-split", arguments->val_split, "hash:SIZE, tail:SIZE or none [hash:0.05]");
  verb.add_option("--text-field", arguments->text_field,
                  "where records hold text: a key, a path like a.b[0].text, a column [text]");
  verb.add_option("--input-format", arguments->input_format,
                  "txt, jsonl, json, csv or tsv, whatever the names of the files say");
  add_cleaning_options(verb, *arguments);
  verb.add_option("--shard-tokens", arguments->shard_tokens,
                  "tokens of a shard, at most [33554432]");
  verb.add_flag("--overwrite", arguments->overwrite, "replace an existing tokens folder");
  verb.add_option("--threads", arguments->threads, "as many as the process may use without it");
  verb.add_flag("--print-config", arguments->print_config, "print the resolved keys and end");
  verb.callback([arguments] {
    interrupts();
    run(*arguments);
  });
}

}  // namespace weft::cli
