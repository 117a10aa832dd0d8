// From text to a tokens folder: tokenized, split, sharded. What stands in the folder is told in
// docs/formats.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "data/clean/stage_config.h"
#include "data/dataset_manifest.h"
#include "data/splitter.h"
#include "data/text_reader.h"
#include "text/tokenizer.h"

namespace weft::data {

struct PrepareProgress {
  int64_t bytes_done = 0;  // of the input
  int64_t bytes_total = 0;
  int64_t tokens = 0;
  bool saved = false;      // an interrupted run would go on from somewhere, not from the start
  bool measuring = false;  // the pass before, which learns what stages of tables need
};

struct PrepareOptions {
  std::vector<std::string> inputs;  // files, folders and patterns
  InputOptions input;
  Path output;
  std::string text_field = "text";
  InvalidUtf8 invalid_utf8 = InvalidUtf8::kError;
  BadInput bad_input = BadInput::kStop;
  std::vector<StageConfig> stages;  // of cleaning, in their order
  Path column_statistics;           // a tokens folder whose statistics the stages of tables take
  SplitOptions split;
  int64_t shard_tokens = int64_t{1} << 25;
  bool overwrite = false;  // replace an existing tokens folder
  int threads = 1;
  int64_t save_bytes = 128 << 20;  // bytes of input after which the state is written down
  // Called now and then, by one thread at a time; what it throws ends the work.
  std::function<void(const PrepareProgress&)> progress;
};

struct PrepareResult {
  DatasetManifest manifest;
  std::vector<std::string> warnings;  // worth telling, no errors
};

// Writes the folder `options.output`, which appears whole or not at all, in memory that does not
// grow with the text (about 300 MB, 20 MB for each thread, and what stages for duplicates
// remember). Equal text, tokenizer and options give equal bytes, whatever the threads. A process
// that is killed, or whose progress callback throws with ExitCode::kInterrupted, leaves a hidden
// folder from which the same call goes on. Parts of a document longer than 1 MiB are cleaned one by
// one. Every document ends with the tokenizer's end-of-text token, and begins with its BOS token
// where the tokenizer itself puts one. The text of special tokens is ordinary text. Throws Error
// for bad input (input_files.h, text_reader.h), a tokenizer without an end-of-text token, a split
// that cannot be made, an output folder that may not be replaced, and FileError for what the disk
// refuses.
PrepareResult prepare(const text::Tokenizer& tokenizer, const PrepareOptions& options,
                      FileSystem& files = real_file_system());

// By which datasets, checkpoints and runs tell that they mean the same tokenizer: XXH3-128 of its
// tokenizer.json.
std::string tokenizer_hash(const text::Tokenizer& tokenizer);

}  // namespace weft::data
