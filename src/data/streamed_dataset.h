// A tokens folder that `weft prepare` may still be writing, for training that starts meanwhile: the
// shards that are final so far, and waiting for more (docs/adr/0011-streaming.md). Folders that are
// whole are read by TokenStream alone.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "data/content_mark.h"
#include "data/sequences.h"

namespace weft::data {

// Where the tokens folder `target` is now: `target`, or, while that is being written, the hidden
// folder beside it.
Path current_folder(const Path& target);

// How long a dataset that is not there yet is waited for. The two commands may be given at once,
// and `weft prepare` first reads tokenizers, looks for files and reads what it has done before.
struct ArrivalOptions {
  double grace_seconds = 30;      // while nothing tells that a `weft prepare` writes it
  double timeout_seconds = 3600;  // while one holds its place
  double poll_seconds = 0.1;
};

// Returns when there is something of `target` to read, or it is not waited for any longer, which
// opening it tells. `meanwhile` is called before each look, and what it throws ends the wait.
void wait_for_arrival(const Path& target, const ArrivalOptions& options,
                      const std::function<void()>& meanwhile);

struct StreamOptions {
  double timeout_seconds = 3600;  // without news of the writer, which may be stopped or stuck
  double poll_seconds = 0.2;
};

// Threads may share it.
class StreamedDataset {
 public:
  // Throws Error if neither a whole folder nor one that a living process writes is there.
  explicit StreamedDataset(const Path& target, const StreamOptions& options = {});

  const Path& folder() const { return target_; }
  // As of the last look: counts of shards grow, the rest is final.
  DatasetManifest manifest() const;
  const TokenStream& stream(Split split) const { return *streams_[static_cast<size_t>(split)]; }
  bool is_complete() const;
  // Nothing more is given out before the shards of `mark` are there; that they are others is then
  // an Error. Throws it at once where it is known. `reader` says who read them before.
  void expect(const ContentMark& mark, const std::string& reader);

  // Returns when `split` has that many tokens, or is whole; what it has then. `meanwhile` is called
  // about once a second by this thread, and what it throws ends the wait. Throws Error if the
  // writer has ended before its work, started anew with another outcome, or gives no news for too
  // long, and after stop_waiting().
  int64_t wait_for(Split split, int64_t tokens, const std::function<void()>& meanwhile = nullptr);
  void stop_waiting();
  // What some thread waits for, in words; "" while none does.
  std::string waiting_for() const;

 private:
  using Clock = std::chrono::steady_clock;
  void look();
  void take(const Path& folder, const DatasetManifest& manifest);
  void check_expected();
  [[noreturn]] void fail(const std::string& what) const;

  const Path target_;
  const StreamOptions options_;
  std::array<std::unique_ptr<TokenStream>, 2> streams_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable stopped_changed_;
  DatasetManifest manifest_;
  std::optional<ContentMark> expected_;
  std::string expected_by_;
  bool found_ = false;
  bool stopped_ = false;
  Clock::time_point last_news_;
  std::string waiting_for_;
};

// The windows of one of its splits (sequences.h): the same, at the same numbers, as TokenWindows
// has of the whole folder.
class StreamedWindows final : public TokenSequences {
 public:
  // `dataset` must outlive this.
  StreamedWindows(StreamedDataset& dataset, Split split, const WindowOptions& options)
      : dataset_(dataset), split_(split), options_(options) {}

  int64_t size() const override;  // so far
  int64_t sequence_len() const override { return options_.sequence_len; }
  int64_t labels(int64_t index) const override;
  bool is_uniform() const override { return !options_.keep_partial; }
  int64_t wait_for(int64_t count) const override { return wait_for(count, nullptr); }
  int64_t wait_for(int64_t count, const std::function<void()>& meanwhile) const;
  void stop_waiting() const override { dataset_.stop_waiting(); }
  int64_t read(int64_t index, const SequenceRow& row) const override;

 private:
  StreamedDataset& dataset_;
  Split split_;
  WindowOptions options_;
};

// The windows of one split of several of them end to end, as TokenWindows has them of the whole
// folders. There are none before all are whole.
class JoinedWindows final : public TokenSequences {
 public:
  // `datasets` must outlive this.
  JoinedWindows(std::vector<StreamedDataset*> datasets, Split split, const WindowOptions& options)
      : datasets_(std::move(datasets)), split_(split), options_(options) {}

  // Returns when all are whole. As StreamedDataset::wait_for(). By one thread, before it reads.
  void wait(const std::function<void()>& meanwhile);
  int64_t size() const override { return windows_ ? windows_->size() : 0; }
  int64_t sequence_len() const override { return options_.sequence_len; }
  int64_t labels(int64_t index) const override { return windows_->labels(index); }
  int64_t read(int64_t index, const SequenceRow& row) const override {
    return windows_->read(index, row);
  }

 private:
  std::vector<StreamedDataset*> datasets_;
  Split split_;
  WindowOptions options_;
  std::unique_ptr<TokenStream> stream_;
  std::unique_ptr<TokenWindows> windows_;
};

}  // namespace weft::data
