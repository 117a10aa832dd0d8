#include "data/prepare_pass.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/strict_json.h"
#include "data/ordered_pipeline.h"

namespace weft::data {
namespace {

// What a thread tokenizes at a time: enough text that threads seldom wait for each other.
constexpr int64_t kBatchBytes = 256 << 10;
// Keys of documents are written down in pieces of this, so that they do not gather in memory.
constexpr size_t kKeysAtOnce = 1 << 19;
constexpr JsonLimits kProgressLimits = {.bytes = 64 << 20, .depth = 8, .values = 1'000'000};

std::vector<uint64_t> as_keys(const std::vector<std::byte>& bytes) {
  std::vector<uint64_t> keys(bytes.size() / sizeof(uint64_t));
  if (!keys.empty()) std::memcpy(keys.data(), bytes.data(), keys.size() * sizeof(uint64_t));
  return keys;
}

int64_t unread_files(const std::vector<LeftOut>& left_out) {
  for (const LeftOut& item : left_out)
    if (item.reason == kUnreadReason) return item.count;
  return 0;
}

// What is missing or cut short stays so; other failures of a file system may pass.
bool is_of_content(const Error& error) {
  const auto* of_files = dynamic_cast<const FileError*>(&error);
  return of_files == nullptr || of_files->number() == ENOENT || of_files->number() == E2BIG;
}

bool has_all_files(const FileSystem& files, const Path& folder, const DatasetManifest& manifest) {
  const auto has = [&](const std::string& name, int64_t bytes) {
    const FileStatus status = files.status(folder / name);
    return status.kind == FileKind::kFile && status.size == bytes;
  };
  for (const Split split : kSplits) {
    const SplitContent& content = manifest.split(split);
    for (size_t i = 0; i < content.shards.size(); ++i)
      if (!has(shard_name(split, i), content.shards[i].bytes)) return false;
    for (size_t i = 0; i < content.features.size(); ++i)
      if (!has(features_name(split, i), content.features[i].bytes)) return false;
  }
  return true;
}

}  // namespace

std::optional<DatasetManifest> left_manifest(const FileSystem& files, const Path& folder) {
  if (files.status(folder / kManifestName).kind != FileKind::kFile) return std::nullopt;
  try {
    return read_manifest_file(folder / kManifestName);
  } catch (const Error& error) {
    if (!is_of_content(error)) throw;
  }
  return std::nullopt;
}

bool has_state(const FileSystem& files, const Path& folder) {
  if (files.status(folder / kProgressName).kind == FileKind::kFile) return true;
  const auto left = left_manifest(files, folder);
  return left && left->complete;
}

TextOptions text_options_of(const PassOptions& pass) {
  return {.text_field = pass.options.text_field,
          .invalid_utf8 = pass.options.invalid_utf8,
          .bad_input = pass.options.bad_input,
          .piece_bytes = pass.plan.piece_bytes,
          .hash_seed = pass.options.split.seed,
          .columns = pass.stages.tables().columns};
}

Pass::Pass(FileSystem& files, const Path& folder, const PassOptions& pass)
    : files_(files),
      folder_(folder),
      pass_(pass),
      reader_(files, pass.inputs, text_options_of(pass)),
      splitter_(reader_, pass.plan, pass.options.split.seed),
      writer_(files, folder, pass.format),
      tally_(pass.stages) {
  for (size_t i = 0; i < pass.stages.size(); ++i)
    memories_.emplace_back(files, folder, "stage-" + std::to_string(i));
}

void Pass::run(DatasetManifest& manifest) {
  publish();
  run_ordered<Batch>(
      pass_.options.threads, [this](Batch& batch) { return read(batch); },
      [this](Batch& batch) { work(batch); }, [this](Batch& batch) { write(batch); });
  manifest.splits = writer_.finish();
  manifest.input_hash = text_hash_.hex();
  LeftOutCounts left_out = pass_.inputs.left_out;
  left_out.add(reader_.left_out());
  manifest.left_out = left_out.items();
  manifest.inputs.clear();
  for (size_t i = 0; i < std::min(pass_.inputs.files.size(), kMostListedInputs); ++i) {
    const InputFile& file = pass_.inputs.files[i];
    const bool piped = file.path == pass_.options.input.standard_input;
    manifest.inputs.push_back(
        {piped ? "-" : file.path.string(), file.size, reader_.file_hashes()[i]});
  }
  manifest.features = pass_.stages.features().names();
  manifest.columns = pass_.stages.statistics();
  manifest.stages = tally_.reports();
  for (StageReport& stage : manifest.stages) stage.examples.clear();
}

bool Pass::read_piece(Piece& piece) {
  if (!splitter_.next(piece.text, piece.split)) return false;
  ++pieces_;
  text_hash_.add(std::as_bytes(std::span(piece.text.text)));
  // Text has no NUL bytes, so that documents cut otherwise have another hash.
  if (piece.text.ends_document) text_hash_.add(std::array{std::byte{0}});
  return true;
}

bool Pass::read(Batch& batch) {
  batch.count = 0;
  const int64_t most = std::min(kBatchBytes, pass_.options.save_bytes);
  for (int64_t bytes = 0; bytes < most;) {
    if (batch.count == batch.pieces.size()) batch.pieces.emplace_back();
    Piece& piece = batch.pieces[batch.count];
    if (!read_piece(piece)) break;
    ++batch.count;
    bytes += static_cast<int64_t>(piece.text.text.size() + sizeof piece);
  }
  batch.end = {pieces_, text_hash_.hex(), unread_files(reader_.left_out().items())};
  return batch.count > 0;
}

void Pass::work(Batch& batch) const {
  batch.tokens.clear();
  for (size_t i = 0; i < batch.count; ++i) {
    Piece& piece = batch.pieces[i];
    pass_.stages.apply(piece.text.text, piece.text.cells, piece.cleaned);
    piece.features.clear();
    if (!piece.cleaned.dropped()) pass_.stages.features().append(piece.text.cells, piece.features);
    try {
      if (!piece.cleaned.dropped())
        pass_.tokenizer.append_ids(piece.text.text,
                                   {.add_special_tokens = false, .find_special_tokens = false},
                                   batch.tokens);
    } catch (const Error& error) {
      throw Error(piece.text.origin() + ": " + error.what(), error.code());
    }
    piece.tokens_end = batch.tokens.size();
  }
}

void Pass::write(const Batch& batch) {
  size_t begin = 0;
  for (size_t i = 0; i < batch.count; ++i) {
    const Piece& piece = batch.pieces[i];
    const TextPiece& text = piece.text;
    if (pass_.stages.empty() || tally_.admit(piece.cleaned, text.origin())) {
      writer_.add({.split = piece.split,
                   .begins_document = text.begins_document,
                   .ends_document = text.ends_document,
                   .bytes = static_cast<int64_t>(text.text.size()),
                   .features = piece.features,
                   .tokens = std::span(batch.tokens).subspan(begin, piece.tokens_end - begin)});
      tokens_ += static_cast<int64_t>(piece.tokens_end - begin);
    } else {
      writer_.skip(text.begins_document, text.ends_document);
    }
    begin = piece.tokens_end;
    unsaved_bytes_ += text.input_end - text.input_begin;
  }
  publish();
  if (tally_.new_key_count() > kKeysAtOnce) append_keys();
  if (unsaved_bytes_ >= pass_.options.save_bytes) save(batch);
  report(batch.pieces[batch.count - 1].text.input_end);
}

void Pass::publish() {
  if (!pass_.publish || published_shards_ == writer_.shards()) return;
  published_shards_ = writer_.shards();
  pass_.publish(writer_.written());
}

void Pass::report(int64_t bytes_done) {
  if (pass_.options.progress)
    pass_.options.progress({.bytes_done = bytes_done,
                            .bytes_total = pass_.inputs.bytes,
                            .tokens = tokens_,
                            .saved = saved_});
}

void Pass::append_keys() {
  const auto keys = tally_.take_new_keys();
  for (size_t i = 0; i < keys.size(); ++i) memories_[i].append(std::as_bytes(std::span(keys[i])));
}

// The state appears in one step, by a rename; what it tells of is written before, and what only the
// state before it needed is removed afterwards.
void Pass::save(const Batch& batch) {
  append_keys();
  auto stages = nlohmann::ordered_json::array(), memories = nlohmann::ordered_json::array();
  for (const StageReport& stage : tally_.reports()) stages.push_back(to_json(stage));
  for (const SpoolLog& memory : memories_) memories.push_back(memory.state());
  const nlohmann::ordered_json state = {{"fingerprint", pass_.fingerprint},
                                        {"pieces", batch.end.pieces},
                                        {"text_hash", batch.end.text_hash},
                                        {"unread", batch.end.unread},
                                        {"tokens", tokens_},
                                        {"writer", writer_.save()},
                                        {"stages", std::move(stages)},
                                        {"memories", std::move(memories)}};
  write_file_atomically(
      files_, folder_ / kProgressName,
      state.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  writer_.remove_old();
  unsaved_bytes_ = 0;
  saved_ = true;
}

bool Pass::resume() {
  if (files_.status(folder_ / kProgressName).kind != FileKind::kFile) return false;
  Place place;
  if (!restore(place)) return false;
  publish();
  saved_ = true;  // an interrupt from here on leaves what it found
  saved_ = skip_pieces(place.pieces) && is_at(place);
  return saved_;
}

// False where the state is another one's, or damaged.
bool Pass::restore(Place& place) {
  try {
    const nlohmann::json state = read_json_file(folder_ / kProgressName, kProgressLimits);
    if (state.at("fingerprint").get<std::string>() != pass_.fingerprint) return false;
    place = {.pieces = state.at("pieces").get<int64_t>(),
             .text_hash = state.at("text_hash").get<std::string>(),
             .unread = state.at("unread").get<int64_t>()};
    tokens_ = state.at("tokens").get<int64_t>();
    writer_.restore(state.at("writer"));
    std::vector<StageReport> reports;
    std::vector<std::vector<uint64_t>> keys;
    for (const auto& stage : state.at("stages")) reports.push_back(stage_report_from(stage));
    for (size_t i = 0; i < memories_.size(); ++i)
      keys.push_back(as_keys(memories_[i].restore(state.at("memories").at(i))));
    tally_.restore(std::move(reports), keys);
    remove_unknown_files();
    return true;
  } catch (const Error& error) {
    if (!is_of_content(error)) throw;
  } catch (const nlohmann::json::exception&) {
  }
  return false;
}

bool Pass::has_made(const DatasetManifest& manifest) {
  if (!manifest.complete || manifest.fingerprint != pass_.fingerprint ||
      !has_all_files(files_, folder_, manifest))
    return false;
  for (const Split split : kSplits) tokens_ += manifest.split(split).tokens;
  saved_ = true;  // as in resume()
  saved_ = skip_pieces(INT64_MAX) && is_at({.pieces = pieces_,
                                            .text_hash = manifest.input_hash,
                                            .unread = unread_files(manifest.left_out)});
  return saved_;
}

std::optional<SplitPlan> Pass::plan_anew() {
  saved_ = has_state(files_, folder_);  // as in resume()
  return skip_pieces(INT64_MAX) ? splitter_.revise() : std::nullopt;
}

// Whether the input is the same up to there. A file that was read then, and that the file system
// does not give now, is no other input.
bool Pass::is_at(const Place& place) const {
  if (pieces_ == place.pieces && text_hash_.hex() == place.text_hash) return true;
  if (unread_files(reader_.left_out().items()) > place.unread && reader_.file_error())
    std::rethrow_exception(reader_.file_error());
  return false;
}

// Reads what was written already: `count` pieces, or all there are. False where the text is bad:
// the same error comes again from the start.
bool Pass::skip_pieces(int64_t count) {
  const int64_t report_every = std::min(kBatchBytes, pass_.options.save_bytes);
  int64_t unreported = 0;
  Piece piece;
  while (pieces_ < count) {
    try {
      if (!read_piece(piece)) return true;
    } catch (const FileError&) {
      throw;  // nothing is wrong with the text, nor with what was made of it
    } catch (const Error&) {
      return false;
    }
    unreported += static_cast<int64_t>(piece.text.text.size() + sizeof piece);
    if (unreported < report_every) continue;
    unreported = 0;
    report(piece.text.input_end);
  }
  return true;
}

// What the killed process wrote after it saved its state last. What readers of an unfinished folder
// need stays: they may come while the place is found again.
void Pass::remove_unknown_files() const {
  std::vector<std::string> known = writer_.file_names();
  known.emplace_back(kProgressName);
  known.emplace_back(kManifestName);
  for (const text::TokenizerFile& file : pass_.tokenizer.files()) known.push_back(file.name);
  for (const SpoolLog& memory : memories_)
    for (std::string& name : memory.file_names()) known.push_back(std::move(name));
  for (const std::string& name : files_.list(folder_))
    if (std::find(known.begin(), known.end(), name) == known.end())
      remove_tree(files_, folder_ / name);
}

}  // namespace weft::data
