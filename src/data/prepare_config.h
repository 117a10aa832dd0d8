// The keys of `weft prepare`: a YAML file, or the options of the command line, as one struct.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/tree/report.h"
#include "core/tree/tree.h"
#include "data/clean/stage_config.h"
#include "data/prepare.h"

namespace weft::data {

struct PrepareConfig {
  std::vector<std::string> inputs;
  std::string output;
  std::string tokenizer;
  std::string text_field = "text";
  std::optional<std::string> input_format;
  std::string invalid_utf8 = "error";
  std::string bad_input = "stop";
  std::vector<StageConfig> stages;
  std::optional<std::string> column_statistics;
  std::string val_split = "hash:0.05";
  int64_t shard_tokens = int64_t{1} << 25;
  int64_t save_mb = 128;
  int64_t threads = 0;
  bool overwrite = false;

  template <class Visitor>
  void visit(Visitor&& v);
  // `val_split: {by: hash, size: 0.05}`, as configs of training write it.
  static void accept(Tree& layer, Report& report);
};

// Everything but threads (0 means nothing to prepare()) and standard input. Throws Error for a
// val_split that is none.
PrepareOptions prepare_options(const PrepareConfig& config);

template <class Visitor>
void PrepareConfig::visit(Visitor&& v) {
  v("inputs", inputs,
    {.help = "files, folders, patterns, or - for standard input",
     .required = true,
     .aliases = "input",
     .one_or_more = true});
  v("output", output, {.help = "the folder to write", .required = true});
  v("tokenizer", tokenizer,
    {.help = "a tokenizer.json, its folder, `bytes` or `chars`", .required = true});
  v("text_field", text_field, {.help = "where records hold text: a key, a path, a column"});
  v("input_format", input_format,
    {.help = "what all files hold: txt, jsonl, json, csv or tsv. Unset: by their names"});
  v("invalid_utf8", invalid_utf8, {.help = "bytes that are no text: error, replace or skip"});
  v("bad_input", bad_input, {.help = "records and files that cannot be read: stop or skip"});
  v("stages", stages, {.help = "what cleans the text, in this order"});
  v("column_statistics", column_statistics,
    {.help = "a tokens folder: stages of tables take its fills, scales and categories, instead of "
             "learning their own"});
  v("val_split", val_split, {.help = "hash:SIZE, tail:SIZE, or none; also {by: hash, size: SIZE}"});
  v("shard_tokens", shard_tokens, {.help = "tokens of a shard, at most", .unit = "tokens"});
  v("save_mb", save_mb,
    {.help = "input after which the state of the work is written down",
     .min = 1,
     .max = 1 << 20,
     .unit = "MiB"});
  v("threads", threads, {.help = "0: as many as the process may use", .min = 0, .max = 4096});
  v("overwrite", overwrite, {.help = "replace an existing tokens folder"});
}

}  // namespace weft::data
