// Writes token shards: collects tokens and document starts up to a fixed number of tokens, then
// writes a file. What a shard holds is told in shard_format.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/file_system.h"

namespace weft::data {

// One shard as a list of shards tells it.
struct ShardSummary {
  int64_t tokens = 0;
  int64_t documents = 0;  // documents that start in it
  int64_t bytes = 0;      // of the file
  uint64_t hash = 0;      // of its header, which holds the hash of the hashes of its blocks

  bool operator==(const ShardSummary&) const = default;
};

// A shard in memory. One thread at a time.
class ShardBuilder {
 public:
  // Memory for `capacity` tokens is reserved at once and kept when the builder is cleared.
  ShardBuilder(int32_t vocab_size, int64_t capacity);

  int64_t tokens() const { return tokens_; }
  int64_t room() const { return capacity_ - tokens_; }
  // The next token starts a document. Called at most once before each token.
  void start_document() { starts_.push_back(static_cast<uint64_t>(tokens_)); }
  // At most room() tokens, each in [0, vocab_size).
  void append(std::span<const int32_t> tokens);

  // Writes the shard and makes it durable, except for its name in the folder.
  ShardSummary write(FileSystem& files, const Path& path) const;
  ShardSummary write_to(WritableFile& file) const;
  void clear();

  // What is collected: tokens in the width of the file, and where documents start.
  std::span<const std::byte> stored() const { return stored_; }
  std::span<const uint64_t> starts() const { return starts_; }
  // The reverse, into an empty builder. Throws Error for what no builder of these numbers can hold.
  void restore(std::span<const std::byte> stored, std::span<const uint64_t> starts);

 private:
  template <class Stored>
  void append_as(std::span<const int32_t> tokens);

  int32_t vocab_size_;
  int64_t capacity_;
  int64_t tokens_ = 0;
  std::vector<std::byte> stored_;  // tokens in the width of the file
  std::vector<uint64_t> starts_;
};

}  // namespace weft::data
