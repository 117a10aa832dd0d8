// Writes the shards of a tokens folder from tokenized pieces of documents.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>

#include "data/dataset_manifest.h"
#include "data/shard_writer.h"
#include "data/spool_log.h"

namespace weft::data {

struct DatasetFormat {
  int32_t vocab_size = 0;
  std::optional<int32_t> bos_token_id;  // begins every document, where there is one
  int32_t eos_token_id = 0;             // ends every document
  int64_t shard_tokens = 0;             // of every shard but a split's last
  size_t features = 0;                  // numbers of a document, beside its tokens
};

// The shards of one split.
class SplitWriter {
 public:
  SplitWriter(FileSystem& files, const Path& folder, Split split, const DatasetFormat& format);

  void start_document(std::span<const float> features);
  void append(std::span<const int32_t> tokens);
  void add_bytes(int64_t bytes) { content_.bytes += bytes; }
  const SplitContent& written() const { return content_; }
  // Writes what is left and returns what the split holds.
  SplitContent finish();

  // Writes down what is in no shard yet, and says what restore() needs.
  nlohmann::ordered_json save();
  // Into a new writer. Throws Error or an exception of the parser.
  void restore(const nlohmann::json& state);
  // Removes what only states before the last save() need.
  void remove_old();
  // The files that the last save() needs.
  std::vector<std::string> file_names() const;

 private:
  void write_shard();

  FileSystem& files_;
  Path folder_;
  Split split_;
  ShardBuilder builder_;
  SplitContent content_;
  SpoolLog tokens_log_;
  SpoolLog starts_log_;
  SpoolLog features_log_;
  size_t features_;                  // of a document
  std::vector<float> feature_rows_;  // of the documents that start in the builder's shard
  size_t saved_bytes_ = 0;           // of the builder's tokens, in the log
  size_t saved_starts_ = 0;          // of its starts
  size_t saved_features_ = 0;        // and of feature_rows_
};

// One piece of a document and its place.
struct TokenPiece {
  Split split = Split::kTrain;
  bool begins_document = false;
  bool ends_document = false;
  int64_t bytes = 0;                     // of its text
  std::span<const float> features = {};  // DatasetFormat::features of them
  std::span<const int32_t> tokens;
};

// Frames documents and sends them to their splits. What of one document follows in the same split
// stays one document there; what does not becomes one of its own.
class DatasetWriter {
 public:
  DatasetWriter(FileSystem& files, const Path& folder, const DatasetFormat& format);

  void add(const TokenPiece& piece);
  // A piece of a document that is left out.
  void skip(bool begins_document, bool ends_document);
  // What the splits hold, in the order of kSplits.
  std::array<SplitContent, 2> finish();
  // The same of the shards that are written so far.
  std::array<SplitContent, 2> written() const {
    return {writers_[0].written(), writers_[1].written()};
  }
  size_t shards() const {
    return writers_[0].written().shards.size() + writers_[1].written().shards.size();
  }

  // As those of SplitWriter.
  nlohmann::ordered_json save();
  void restore(const nlohmann::json& state);
  void remove_old();
  std::vector<std::string> file_names() const;

 private:
  SplitWriter& writer(Split split) { return writers_[static_cast<size_t>(split)]; }
  void close_document();

  DatasetFormat format_;
  std::array<SplitWriter, 2> writers_;
  std::optional<Split> open_;  // where a document is unfinished
};

}  // namespace weft::data
