#include "data/streamed_dataset.h"

#include <algorithm>
#include <thread>

#include "core/quote.h"
#include "data/pending_folder.h"

namespace weft::data {
namespace {

constexpr int64_t kAllTokens = int64_t{1} << 62;  // more than a split has

bool has_manifest(const Path& folder) {
  return real_file_system().status(folder / kManifestName).kind == FileKind::kFile;
}

size_t shards_of(const DatasetManifest& manifest) {
  return manifest.splits[0].shards.size() + manifest.splits[1].shards.size();
}

}  // namespace

Path current_folder(const Path& target) {
  const Path unfinished = unfinished_folder(target);
  return !has_manifest(target) && has_manifest(unfinished) ? unfinished : target;
}

void wait_for_arrival(const Path& target, const ArrivalOptions& options,
                      const std::function<void()>& meanwhile) {
  using Seconds = std::chrono::duration<double>;
  const auto start = std::chrono::steady_clock::now();
  while (!has_manifest(target)) {
    const bool alive = is_being_written(target);
    if (alive && has_manifest(unfinished_folder(target))) return;
    const double waited = Seconds(std::chrono::steady_clock::now() - start).count();
    if (waited > (alive ? options.timeout_seconds : options.grace_seconds)) return;
    meanwhile();
    std::this_thread::sleep_for(Seconds(options.poll_seconds));
  }
}

StreamedDataset::StreamedDataset(const Path& target, const StreamOptions& options)
    : target_(target), options_(options), last_news_(Clock::now()) {
  for (const Split split : kSplits)
    streams_[static_cast<size_t>(split)] = std::make_unique<TokenStream>(
        std::string(name_of(split)) + " split of " + quote_path(target));
  const std::lock_guard lock(mutex_);
  look();
  if (!found_) read_manifest(target_);  // says what is missing
}

DatasetManifest StreamedDataset::manifest() const {
  const std::lock_guard lock(mutex_);
  return manifest_;
}

bool StreamedDataset::is_complete() const {
  const std::lock_guard lock(mutex_);
  return manifest_.complete;
}

std::string StreamedDataset::waiting_for() const {
  const std::lock_guard lock(mutex_);
  return waiting_for_;
}

void StreamedDataset::stop_waiting() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  stopped_changed_.notify_all();
}

void StreamedDataset::fail(const std::string& what) const {
  throw Error(quote_path(target_) + " " + what);
}

// The writer's life is asked for before the folder is read: it gives up its lock after the folder
// has its name.
void StreamedDataset::look() {
  if (found_ && manifest_.complete) return;
  const bool alive = is_being_written(target_);
  const Path folder = current_folder(target_);
  if (has_manifest(folder)) {
    try {
      take(folder, read_manifest_file(folder / kManifestName));
    } catch (const FileError&) {
      // The folder got its name just now, or a writer that starts again removes what it does not
      // know; the next look tells.
      if (!alive) throw;
    }
  }
  if (!found_ || manifest_.complete) return;
  if (!alive)
    fail("is not whole, and the `weft prepare` that wrote it has ended after " +
         std::to_string(shards_of(manifest_)) +
         " shards; run the same `weft prepare` again, which goes on, and then this training");
  const double silence = std::chrono::duration<double>(Clock::now() - last_news_).count();
  if (silence > options_.timeout_seconds)
    fail("has got no new shard for " + std::to_string(static_cast<int64_t>(silence)) +
         " seconds, though the `weft prepare` that writes it is still there; look what it does, or "
         "set data_timeout higher");
}

void StreamedDataset::take(const Path& folder, const DatasetManifest& manifest) {
  if (found_ && manifest.fingerprint != manifest_.fingerprint)
    fail(
        "was started anew, with another input, split, tokenizer or cleaning; start this training "
        "anew in another output_dir");
  for (const Split split : kSplits)
    streams_[static_cast<size_t>(split)]->extend(folder, manifest, split);
  if (!found_ || manifest.complete || shards_of(manifest) > shards_of(manifest_))
    last_news_ = Clock::now();
  manifest_ = manifest;
  found_ = true;
  check_expected();
}

void StreamedDataset::expect(const ContentMark& mark, const std::string& reader) {
  const std::lock_guard lock(mutex_);
  expected_ = mark;
  expected_by_ = reader;
  check_expected();
}

// Fewer shards than were read are there for a while when a writer goes on after an interruption.
void StreamedDataset::check_expected() {
  if (!expected_) return;
  const Agreement agreement = compare(*expected_, manifest_);
  if (agreement == Agreement::kTooFew && !manifest_.complete) return;
  if (agreement != Agreement::kSame)
    fail("holds another text than " + expected_by_ +
         " was trained on, though it was prepared alike: its shards have other contents; restore "
         "the folder, or start this training anew in another output_dir");
  expected_.reset();
}

int64_t StreamedDataset::wait_for(Split split, int64_t tokens,
                                  const std::function<void()>& meanwhile) {
  constexpr auto kTell = std::chrono::seconds(1);
  const auto poll = std::chrono::duration<double>(options_.poll_seconds);
  auto told = Clock::now();
  std::unique_lock lock(mutex_);
  while (true) {
    const int64_t there = expected_ ? 0 : stream(split).tokens();
    if (there >= tokens || manifest_.complete) {
      waiting_for_.clear();
      return there;
    }
    if (stopped_) throw Error("waiting for data was ended", ExitCode::kInterrupted);
    look();
    if (manifest_.complete || (!expected_ && stream(split).tokens() > there)) continue;
    waiting_for_ = "waiting for data: the next samples need the first " + std::to_string(tokens) +
                   " tokens of the " + stream(split).name() +
                   ", which `weft prepare` is still writing";
    stopped_changed_.wait_for(lock, poll);
    if (!meanwhile || Clock::now() - told < kTell) continue;
    told = Clock::now();
    lock.unlock();
    meanwhile();
    lock.lock();
  }
}

void JoinedWindows::wait(const std::function<void()>& meanwhile) {
  if (windows_) return;
  std::vector<Path> folders;
  for (StreamedDataset* dataset : datasets_) {
    dataset->wait_for(split_, kAllTokens, meanwhile);
    folders.push_back(dataset->folder());
  }
  stream_ = std::make_unique<TokenStream>(folders, split_);
  windows_ = std::make_unique<TokenWindows>(*stream_, options_);
}

int64_t StreamedWindows::size() const {
  const bool complete = dataset_.is_complete();  // before the tokens, which only grow
  const int64_t len = options_.sequence_len;
  const int64_t labels = std::max<int64_t>(dataset_.stream(split_).tokens() - 1, 0);
  return complete && options_.keep_partial ? (labels + len - 1) / len : labels / len;
}

int64_t StreamedWindows::labels(int64_t index) const {
  if (!options_.keep_partial) return options_.sequence_len;
  return std::min(options_.sequence_len,
                  dataset_.stream(split_).tokens() - 1 - index * options_.sequence_len);
}

int64_t StreamedWindows::wait_for(int64_t count, const std::function<void()>& meanwhile) const {
  // A window of samples may be larger than any corpus.
  const bool most = count > (kAllTokens - 1) / options_.sequence_len;
  dataset_.wait_for(split_, most ? kAllTokens : count * options_.sequence_len + 1, meanwhile);
  const int64_t there = size();
  if (there == 0) TokenWindows(dataset_.stream(split_), options_);  // says what is wrong
  return there;
}

int64_t StreamedWindows::read(int64_t index, const SequenceRow& row) const {
  WEFT_ASSERT(index >= 0);
  return read_window(dataset_.stream(split_), index * options_.sequence_len, labels(index),
                     options_.document_mask, row);
}

}  // namespace weft::data
