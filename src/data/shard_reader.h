// Reads token shards: in place, strictly, and every block's hash before its first token is given
// out. What a shard holds is told in shard_format.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/mapped_file.h"
#include "data/shard_format.h"
#include "data/shard_writer.h"

namespace weft::data {

// A shard in memory that someone else owns. Opening checks the header, the table of hashes and the
// file's size against them, in time proportional to the table; tokens and document starts are
// checked block by block (64 KiB) when they are first read, or all at once by verify(). Every error
// is an Error that names the shard, the place and what to do. Threads may share it.
class ShardView {
 public:
  // `name` is what messages call the shard.
  ShardView(std::span<const std::byte> bytes, std::string name);

  int64_t tokens() const { return layout_.token_count; }
  int64_t documents() const { return layout_.document_count; }
  int64_t vocab_size() const { return static_cast<int64_t>(header_.vocab_size); }
  ShardSummary summary() const;

  // Tokens [begin, begin + out.size()), which must lie within the shard.
  void read(int64_t begin, std::span<int32_t> out) const;
  // Where document `index` of [0, documents()) starts, as a token number; they ascend strictly.
  int64_t document_start(int64_t index) const;
  // The first document that starts at `token` or later; documents() if none does.
  int64_t first_document_from(int64_t token) const;
  // Checks every block not yet checked; at the speed of memory or of the disk.
  void verify() const;

 private:
  [[noreturn]] void fail(const std::string& reason) const;
  void check_header() const;
  void check_sizes() const;
  // Makes sure that the blocks of bytes [begin, end) of the file are checked.
  void check_blocks(int64_t begin, int64_t end) const;
  void check_block(int64_t block) const;
  void check_tokens(int64_t begin, int64_t end) const;
  void check_starts(int64_t begin, int64_t end) const;
  template <class Stored>
  void check_tokens_as(int64_t begin, int64_t end) const;
  uint64_t raw_start(int64_t index) const;

  std::span<const std::byte> bytes_;
  std::string name_;
  ShardHeader header_;
  ShardLayout layout_{ShardHeader{}};
  std::unique_ptr<std::atomic<bool>[]> checked_;  // by block
};

// A shard in a file, mapped.
class Shard {
 public:
  explicit Shard(const Path& path) : file_(path), view_(file_.bytes(), path.string()) {}
  const ShardView* operator->() const { return &view_; }
  const ShardView& operator*() const { return view_; }

 private:
  MappedFile file_;
  ShardView view_;
};

}  // namespace weft::data
