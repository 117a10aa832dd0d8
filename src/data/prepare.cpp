// One pass over the text, or a few where the first shows that the split must be planned anew.
#include "data/prepare.h"

#include <cstdio>
#include <new>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/quote.h"
#include "data/clean/report_page.h"
#include "data/pending_folder.h"
#include "data/prepare_pass.h"
#include "data/table_pass.h"
#include "data/tokenized_text.h"
#include "io/hash.h"

namespace weft::data {
namespace {

// Shards are collected in memory.
constexpr int64_t kMostShardTokens = int64_t{1} << 30;

DatasetFormat format_for(const text::Tokenizer& tokenizer, const PrepareOptions& options) {
  const auto eos = tokenizer.special_ids().eos;
  if (!eos)
    throw Error("the tokenizer '" + std::string(tokenizer.name()) +
                "' has no end-of-text token, by which documents are told apart; name one in "
                "tokenizer_config.json beside it: {\"eos_token\": \"<|endoftext|>\"}");
  return {.vocab_size = tokenizer.vocab_size(),
          .bos_token_id = document_bos(tokenizer),
          .eos_token_id = *eos,
          .shard_tokens = options.shard_tokens};
}

void check_numbers(const PrepareOptions& options) {
  if (options.shard_tokens < 1 || options.shard_tokens > kMostShardTokens)
    throw Error("shard_tokens " + std::to_string(options.shard_tokens) +
                " is not allowed; give a number from 1 to " + std::to_string(kMostShardTokens));
  if (options.threads < 1)
    throw Error("threads " + std::to_string(options.threads) + " is not allowed; give 1 or more");
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", 100 * share);
  return text;
}

// "30000 documents by stage length, 2 x malformed record"; "" where nothing was counted.
std::string what_took_all(const DatasetManifest& manifest) {
  std::string text;
  const auto add = [&](const std::string& item) { text += (text.empty() ? "" : ", ") + item; };
  for (const StageReport& stage : manifest.stages)
    if (stage.dropped > 0)
      add(std::to_string(stage.dropped) + " documents by stage " + stage.stage + " (" +
          stage.counts.front().what + ")");
  for (const LeftOut& item : manifest.left_out)
    add(std::to_string(item.count) + " x " + item.reason + " (" + item.example + ")");
  return text;
}

void check_splits(const DatasetManifest& manifest, const PrepareOptions& options) {
  const bool no_train = manifest.split(Split::kTrain).tokens == 0;
  const bool no_validation = manifest.split(Split::kValidation).tokens == 0;
  if (no_train && no_validation) {
    const std::string took = what_took_all(manifest);
    throw Error("no text is left of '" + options.inputs.front() + "'" +
                (options.inputs.size() > 1 ? " and the other inputs" : "") +
                ": every document was left out" + (took.empty() ? "" : ": " + took) +
                "; look at --invalid-utf8, the stages and the input");
  }
  if (options.split.size == 0 || !(no_train || no_validation)) return;
  throw Error("the " + std::string(name_of(no_train ? Split::kTrain : Split::kValidation)) +
              " split would be empty: the text has too few parts to hold out " +
              percent(options.split.size) + " by " + std::string(name_of(options.split.by)) +
              "; give more text, another val_split, or a val_split size of 0 for none");
}

std::vector<std::string> warnings_for(const DatasetManifest& manifest) {
  const double train = static_cast<double>(manifest.split(Split::kTrain).bytes);
  const double validation = static_cast<double>(manifest.split(Split::kValidation).bytes);
  const double share = validation / (train + validation), wanted = manifest.split_size;
  std::vector<std::string> warnings;
  if (wanted > 0 && (share > 2 * wanted || share < wanted / 2))
    warnings.push_back("validation holds " + percent(share) + " of the text, " + percent(wanted) +
                       " were asked for: there are few documents; val_split by tail cuts exactly");
  return warnings;
}

DatasetManifest start_manifest(const text::Tokenizer& tokenizer, const PrepareOptions& options,
                               const DatasetFormat& format, const InputFiles& inputs) {
  DatasetManifest manifest;
  manifest.tokenizer = tokenizer.name();
  manifest.tokenizer_hash = tokenizer_hash(tokenizer);
  manifest.vocab_size = format.vocab_size;
  manifest.eos_token_id = format.eos_token_id;
  manifest.split_by = options.split.by;
  manifest.split_size = options.split.size;
  manifest.split_seed = options.split.seed;
  manifest.input_files = static_cast<int64_t>(inputs.files.size());
  manifest.input_bytes = inputs.bytes;
  return manifest;
}

constexpr size_t kFingerprintHalf = 16;

// Of all that the outcome depends on besides the content of the input, which is compared itself.
// The second half is of what is learned from the input.
std::string fingerprint_of(const FileSystem& files, const PassOptions& pass) {
  const PrepareOptions& options = pass.options;
  const SplitPlan& plan = pass.plan;
  std::ostringstream text, learned;
  text.precision(17);
  learned << plan.pieces_are_units << plan.cut_short_documents << " " << plan.piece_bytes << " "
          << plan.validation_below << "\n";
  for (const ColumnStatistics& column : pass.stages.statistics())
    learned << to_json(column).dump() << "\n";
  text << "weft " << WEFT_VERSION << "\n"
       << tokenizer_hash(pass.tokenizer) << "\n"
       << pass.format.vocab_size << " " << pass.format.eos_token_id << " "
       << pass.format.bos_token_id.value_or(-1) << " " << options.shard_tokens << "\n"
       << options.text_field << "\n"
       << name_of(options.invalid_utf8) << " " << name_of(options.bad_input) << "\n"
       << name_of(plan.by) << " " << options.split.size << " " << options.split.seed << "\n";
  for (const InputFile& file : pass.inputs.files)
    text << file.name().string() << "\n" << name_of(file.kind) << " " << file.size << "\n";
  for (const StageConfig& stage : options.stages) {
    text << describe(stage) << "\n";
    std::vector<std::string> read = stage.files;
    if (stage.bad_words) read.push_back(*stage.bad_words);
    for (const InputFile& file :
         read.empty() ? std::vector<InputFile>() : collect_inputs(files, read).files)
      text << io::hash_file(files, file.path, ReadFrom::kCache).hex << "\n";
  }
  return io::hash_hex(text.str()).substr(0, kFingerprintHalf) +
         io::hash_hex(learned.str()).substr(0, kFingerprintHalf);
}

// The same options, of which another process has learned something else.
bool is_of_other_plan(const std::string& fingerprint, const std::string& other) {
  return fingerprint != other &&
         fingerprint.substr(0, kFingerprintHalf) == other.substr(0, kFingerprintHalf);
}

// What the passes make, besides shards.
struct Outcome {
  DatasetManifest manifest;
  std::vector<StageReport> reports;
  bool is_written = false;  // by a process that ended before the folder had its name
  int passes = 0;           // that this process has made
};

// What others may read of an unfinished folder (streamed_dataset.h).
void publish(FileSystem& files, const Path& folder, const PassOptions& options,
             const DatasetManifest& manifest, const std::array<SplitContent, 2>& splits) {
  DatasetManifest so_far = manifest;
  so_far.complete = false;
  so_far.fingerprint = options.fingerprint;
  so_far.features = options.stages.features().names();
  so_far.columns = options.stages.statistics();
  so_far.splits = splits;
  write_file_atomically(files, folder / kManifestName, to_json(so_far));
}

// What cannot be looked at is not given up.
bool may_have_state(const FileSystem& files, const Path& folder) {
  try {
    return has_state(files, folder);
  } catch (const Error&) {
    return true;
  }
}

// Work of hours is not given up for an interrupt, or for a disk that was full or failed: it is
// gone on with. `error` as it came, or told so.
[[noreturn]] void end_with(const Error& error, const FileSystem& files, PendingFolder& folder) {
  const auto* of_files = dynamic_cast<const FileError*>(&error);
  const bool keeps = (error.code() == ExitCode::kInterrupted || of_files != nullptr) &&
                     may_have_state(files, folder.path());
  if (keeps) folder.keep();
  if (!keeps || of_files == nullptr) throw;
  throw Error(std::string(error.what()) + "; what was done is kept in " +
                  quote_path(folder.path()) +
                  ", and the same command goes on from there (remove it to start anew)",
              error.code());
}

// Writes them all; a better plan, if there is one.
std::optional<SplitPlan> make_shards(FileSystem& files, const Path& folder, Pass& pass,
                                     const PassOptions& options, Outcome& outcome) {
  for (const text::TokenizerFile& file : options.tokenizer.files())
    write_file_atomically(files, folder / file.name, file.content);
  outcome.manifest.fingerprint = options.fingerprint;
  pass.run(outcome.manifest);
  ++outcome.passes;
  outcome.reports = pass.stage_reports();
  return pass.splitter().revise();
}

// Goes on with what another process left in the folder, or starts; a better plan, if there is one.
std::optional<SplitPlan> run_pass(FileSystem& files, PendingFolder& folder, PassOptions options,
                                  StageList& stages, Outcome& outcome) {
  if (!stages.tables().empty())
    stages.set_statistics(table_statistics(files, folder.path(), options));
  options.format.features = stages.features().names().size();
  options.fingerprint = fingerprint_of(files, options);
  options.publish = [&](const std::array<SplitContent, 2>& splits) {
    publish(files, folder.path(), options, outcome.manifest, splits);
  };
  std::optional<Pass> pass;
  const auto begin = [&] { return &pass.emplace(files, folder.path(), options); };
  const auto left = left_manifest(files, folder.path());
  if (left && begin()->has_made(*left)) {
    outcome.is_written = true;
    outcome.manifest = *left;
    return std::nullopt;
  }
  if (begin()->resume()) return make_shards(files, folder.path(), *pass, options, outcome);
  // The pass that led to its plan need not be made again, but for reading.
  if (left && outcome.passes == 0 && is_of_other_plan(left->fingerprint, options.fingerprint))
    if (const auto better = begin()->plan_anew()) return better;
  folder.clear();
  return make_shards(files, folder.path(), *begin(), options, outcome);
}

// Adds what goes with the shards. With the manifest the folder lacks nothing but its name
// (left_manifest()), and what only an unfinished one needs can go.
void finish_folder(FileSystem& files, const Path& folder, const Outcome& outcome) {
  if (!outcome.is_written) {
    write_file_atomically(files, folder / "report.html",
                          report_page(outcome.manifest, outcome.reports));
    write_file_atomically(files, folder / kManifestName, to_json(outcome.manifest));
  }
  for (const std::string& name : files.list(folder))
    if (name.ends_with(".open") || name == kProgressName) remove_tree(files, folder / name);
}

}  // namespace

std::string tokenizer_hash(const text::Tokenizer& tokenizer) {
  for (const text::TokenizerFile& file : tokenizer.files())
    if (file.name == "tokenizer.json" || file.name == "tokenizer.model")
      return io::hash_hex(file.content);
  throw Error("the tokenizer '" + std::string(tokenizer.name()) +
              "' has no file; datasets need one to tell which tokenizer made them");
}

PrepareResult prepare(const text::Tokenizer& tokenizer, const PrepareOptions& options,
                      FileSystem& files) {
  check_numbers(options);
  const DatasetFormat format = format_for(tokenizer, options);
  const InputFiles inputs = collect_inputs(files, options.inputs, options.input);
  StageList stages(files, options.stages);
  if (!stages.tables().empty()) check_inputs(inputs);
  Outcome outcome{start_manifest(tokenizer, options, format, inputs), {}};
  std::optional<SplitPlan> plan = make_plan(options.split, inputs);
  PendingFolder folder(files, options.output, options.overwrite, kManifestName);
  std::string leftover;
  try {
    while (plan) {
      const PassOptions pass_options{.tokenizer = tokenizer,
                                     .options = options,
                                     .inputs = inputs,
                                     .stages = stages,
                                     .plan = *plan,
                                     .format = format,
                                     .fingerprint = ""};
      plan = run_pass(files, folder, pass_options, stages, outcome);
    }
    check_splits(outcome.manifest, options);
    finish_folder(files, folder.path(), outcome);
    leftover = folder.commit();
  } catch (const Error& error) {
    end_with(error, files, folder);
  } catch (const std::bad_alloc&) {
    if (may_have_state(files, folder.path())) folder.keep();
    throw;
  }
  PrepareResult result{.manifest = outcome.manifest, .warnings = warnings_for(outcome.manifest)};
  if (!leftover.empty()) result.warnings.push_back(leftover);
  return result;
}

}  // namespace weft::data
