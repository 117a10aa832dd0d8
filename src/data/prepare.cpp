// One pass over the text, or a few where the first shows that the split must be planned anew.
#include "data/prepare.h"

#include <array>
#include <cstdio>

#include "data/dataset_writer.h"
#include "data/ordered_pipeline.h"
#include "data/pending_folder.h"
#include "data/tokenized_text.h"
#include "io/hash.h"

namespace weft::data {
namespace {

// What a thread tokenizes at a time: enough text that threads seldom wait for each other.
constexpr int64_t kBatchBytes = 1 << 20;

// Shards are collected in memory.
constexpr int64_t kMostShardTokens = int64_t{1} << 30;

struct PieceBatch {
  struct Piece {
    TextPiece text;
    Split split = Split::kTrain;
    size_t tokens_end = 0;  // in `tokens`
  };
  std::vector<Piece> pieces;  // the first `count` are in use; the others keep their memory
  size_t count = 0;
  std::vector<int32_t> tokens;
};

class Pass {
 public:
  Pass(FileSystem& files, const text::Tokenizer& tokenizer, const PrepareOptions& options,
       const InputFiles& inputs, const SplitPlan& plan)
      : files_(files),
        tokenizer_(tokenizer),
        options_(options),
        inputs_(inputs),
        reader_(files, inputs,
                {.text_field = options.text_field,
                 .invalid_utf8 = options.invalid_utf8,
                 .bad_input = options.bad_input,
                 .piece_bytes = plan.piece_bytes,
                 .hash_seed = options.split.seed}),
        splitter_(reader_, plan, options.split.seed) {}

  // Writes all shards into `folder` and fills in what the manifest tells of them.
  void run(const Path& folder, const DatasetFormat& format, DatasetManifest& manifest) {
    DatasetWriter writer(files_, folder, format);
    run_ordered<PieceBatch>(
        options_.threads, [this](PieceBatch& batch) { return read(batch); },
        [this](PieceBatch& batch) { tokenize(batch); },
        [&](PieceBatch& batch) { write(batch, writer); });
    manifest.splits = writer.finish();
    manifest.input_hash = text_hash_.hex();
    LeftOutCounts left_out = inputs_.left_out;
    left_out.add(reader_.left_out());
    manifest.left_out = left_out.items();
  }

  const Splitter& splitter() const { return splitter_; }

 private:
  bool read(PieceBatch& batch) {
    batch.count = 0;
    for (int64_t bytes = 0; bytes < kBatchBytes;) {
      if (batch.count == batch.pieces.size()) batch.pieces.emplace_back();
      PieceBatch::Piece& piece = batch.pieces[batch.count];
      if (!splitter_.next(piece.text, piece.split)) break;
      ++batch.count;
      bytes += static_cast<int64_t>(piece.text.text.size() + sizeof piece);
      text_hash_.add(std::as_bytes(std::span(piece.text.text)));
      // Text has no NUL bytes, so that documents cut otherwise have another hash.
      if (piece.text.ends_document) text_hash_.add(std::array{std::byte{0}});
    }
    return batch.count > 0;
  }

  void tokenize(PieceBatch& batch) const {
    batch.tokens.clear();
    for (size_t i = 0; i < batch.count; ++i) {
      PieceBatch::Piece& piece = batch.pieces[i];
      try {
        tokenizer_.append_ids(piece.text.text,
                              {.add_special_tokens = false, .find_special_tokens = false},
                              batch.tokens);
      } catch (const Error& error) {
        throw Error(piece.text.origin() + ": " + error.what(), error.code());
      }
      piece.tokens_end = batch.tokens.size();
    }
  }

  void write(const PieceBatch& batch, DatasetWriter& writer) {
    size_t begin = 0;
    for (size_t i = 0; i < batch.count; ++i) {
      const PieceBatch::Piece& piece = batch.pieces[i];
      writer.add({.split = piece.split,
                  .begins_document = piece.text.begins_document,
                  .ends_document = piece.text.ends_document,
                  .bytes = static_cast<int64_t>(piece.text.text.size()),
                  .tokens = std::span(batch.tokens).subspan(begin, piece.tokens_end - begin)});
      begin = piece.tokens_end;
    }
    tokens_ += static_cast<int64_t>(batch.tokens.size());
    if (options_.progress)
      options_.progress({.bytes_done = batch.pieces[batch.count - 1].text.input_end,
                         .bytes_total = inputs_.bytes,
                         .tokens = tokens_});
  }

  FileSystem& files_;
  const text::Tokenizer& tokenizer_;
  const PrepareOptions& options_;
  const InputFiles& inputs_;
  TextReader reader_;
  Splitter splitter_;
  io::Hasher text_hash_;
  int64_t tokens_ = 0;
};

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

void check_splits(const DatasetManifest& manifest, const PrepareOptions& options) {
  const bool no_train = manifest.split(Split::kTrain).tokens == 0;
  const bool no_validation = manifest.split(Split::kValidation).tokens == 0;
  if (no_train && no_validation)
    throw Error("no text is left of '" + options.inputs.front() + "'" +
                (options.inputs.size() > 1 ? " and the other inputs" : "") +
                ": every document was left out; look at --invalid-utf8 and the input");
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

void write_file(FileSystem& files, const Path& path, std::string_view content) {
  const auto file = files.open_for_writing(path, WriteMode::kNew);
  file->write(content);
  file->sync();
  file->close();
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

}  // namespace

std::string tokenizer_hash(const text::Tokenizer& tokenizer) {
  for (const text::TokenizerFile& file : tokenizer.files())
    if (file.name == "tokenizer.json") return io::hash_hex(file.content);
  throw Error("the tokenizer '" + std::string(tokenizer.name()) +
              "' has no tokenizer.json; datasets need one to tell which tokenizer made them");
}

PrepareResult prepare(const text::Tokenizer& tokenizer, const PrepareOptions& options,
                      FileSystem& files) {
  check_numbers(options);
  const DatasetFormat format = format_for(tokenizer, options);
  const InputFiles inputs = collect_inputs(files, options.inputs, options.input);
  DatasetManifest manifest = start_manifest(tokenizer, options, format, inputs);
  PendingFolder folder(files, options.output, options.overwrite, kManifestName);
  std::optional<SplitPlan> plan = make_plan(options.split, inputs);
  while (plan) {
    folder.clear();
    Pass pass(files, tokenizer, options, inputs, *plan);
    pass.run(folder.path(), format, manifest);
    plan = pass.splitter().revise();
  }
  check_splits(manifest, options);
  for (const text::TokenizerFile& file : tokenizer.files())
    write_file(files, folder.path() / file.name, file.content);
  write_file(files, folder.path() / kManifestName, to_json(manifest));
  folder.commit();
  return {.manifest = manifest, .warnings = warnings_for(manifest)};
}

}  // namespace weft::data
