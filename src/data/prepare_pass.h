// One pass of `weft prepare` over its input: read, clean, split, tokenize, write; and the state
// from which an interrupted pass goes on (docs/adr/0008-cleaning-in-order.md).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "data/clean/stage_list.h"
#include "data/dataset_writer.h"
#include "data/prepare.h"
#include "io/hash.h"

namespace weft::data {

// Where a pass writes, and what it writes down to go on from.
inline constexpr std::string_view kProgressName = "progress.json";

// What a process says that it has left in `folder`. If the manifest is complete, which is written
// after all else, the folder lacks nothing but its name.
std::optional<DatasetManifest> left_manifest(const FileSystem& files, const Path& folder);
// Whether `folder` holds what another process can go on from.
bool has_state(const FileSystem& files, const Path& folder);

struct PassOptions {
  const text::Tokenizer& tokenizer;
  const PrepareOptions& options;
  const InputFiles& inputs;
  const StageList& stages;
  const SplitPlan& plan;
  DatasetFormat format;
  // Told of the shards that are final, whenever there are more: what another process may read.
  std::function<void(const std::array<SplitContent, 2>&)> publish = nullptr;
  std::string fingerprint;  // of all that the outcome depends on, except the input's content
};

// What its reader is asked for.
TextOptions text_options_of(const PassOptions& pass);

class Pass {
 public:
  // What `pass` refers to must outlive this.
  Pass(FileSystem& files, const Path& folder, const PassOptions& pass);

  // Goes on where another process ended, if it left its state in the folder and the input still
  // begins as it did; reads that part of the input again. False otherwise, and then this pass and
  // the folder are of no use any more. Throws what the callbacks progress and publish throw, and
  // FileError: the state is as good as it was.
  bool resume();
  // Whether this pass would write what another process has finished: `manifest`, which it left in
  // the folder with its shards. Reads the input again; otherwise as resume().
  bool has_made(const DatasetManifest& manifest);
  // Reads the input and makes nothing of it, but for a better plan, if there is one.
  std::optional<SplitPlan> plan_anew();
  // Writes all shards and fills in what the manifest tells of them.
  void run(DatasetManifest& manifest);

  const Splitter& splitter() const { return splitter_; }
  const std::vector<StageReport>& stage_reports() const { return tally_.reports(); }

 private:
  struct Piece {
    TextPiece text;
    StageResults cleaned;
    std::vector<float> features;  // of its row
    Split split = Split::kTrain;
    size_t tokens_end = 0;  // in the batch's tokens
  };
  // In the input, as far as it was read.
  struct Place {
    int64_t pieces = 0;
    std::string text_hash;  // of all of them
    int64_t unread = 0;     // files that were left out because they could not be read
  };
  struct Batch {
    std::vector<Piece> pieces;  // the first `count` are in use; the others keep their memory
    size_t count = 0;
    std::vector<int32_t> tokens;
    Place end;  // this batch included
  };

  bool read_piece(Piece& piece);
  bool read(Batch& batch);
  void work(Batch& batch) const;
  void write(const Batch& batch);
  void report(int64_t bytes_done);
  void publish();
  void append_keys();
  void save(const Batch& batch);
  bool restore(Place& place);
  bool skip_pieces(int64_t count);
  bool is_at(const Place& place) const;
  void remove_unknown_files() const;

  FileSystem& files_;
  Path folder_;
  const PassOptions& pass_;
  TextReader reader_;
  Splitter splitter_;
  DatasetWriter writer_;
  StageTally tally_;
  std::vector<SpoolLog> memories_;  // of the stages
  io::Hasher text_hash_;
  int64_t pieces_ = 0;
  int64_t tokens_ = 0;
  int64_t unsaved_bytes_ = 0;
  std::optional<size_t> published_shards_;
  bool saved_ = false;  // an interrupt leaves what another process can go on from
};

}  // namespace weft::data
