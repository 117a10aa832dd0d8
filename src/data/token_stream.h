// The tokens of a split as one long stream: the shards of one or more tokens folders, end to end.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "data/dataset_manifest.h"
#include "data/shard_reader.h"

namespace weft::data {

// Only ever grows, and only by extend(); any number of threads may read meanwhile. Blocks of shards
// are checked when they are first read (shard_reader.h), so that reading may throw Error.
class TokenStream {
 public:
  // Opens `split` of each folder that `weft prepare` wrote, in the order given. Throws Error if a
  // folder or shard is missing, damaged or not the one that dataset.json lists, or if the folders
  // were made with different tokenizers. A split may be empty.
  TokenStream(std::span<const Path> folders, Split split);
  TokenStream(const Path& folder, Split split) : TokenStream(std::span(&folder, 1), split) {}
  // A stream without tokens yet, to be extended.
  explicit TokenStream(std::string name) : name_(std::move(name)) {}
  // Adds the shards of `split` that `manifest`, of `folder`, lists after those that are here.
  // Throws Error if those that are here are others.
  void extend(const Path& folder, const DatasetManifest& manifest, Split split);

  // "validation split of 'runs/demo/tokens'": how messages call it.
  const std::string& name() const { return name_; }
  int64_t tokens() const {
    const std::shared_lock lock(mutex_);
    return begins_.back();
  }
  int64_t documents() const {
    const std::shared_lock lock(mutex_);
    return documents_;
  }
  // Of the text that the tokens stand for.
  int64_t bytes() const {
    const std::shared_lock lock(mutex_);
    return bytes_;
  }
  int32_t vocab_size() const {
    const std::shared_lock lock(mutex_);
    return vocab_size_;
  }
  int32_t eos_token_id() const {
    const std::shared_lock lock(mutex_);
    return eos_token_id_;
  }
  std::string tokenizer_hash() const {
    const std::shared_lock lock(mutex_);
    return tokenizer_hash_;
  }

  // Tokens [begin, begin + out.size()), which must lie within the stream.
  void read(int64_t begin, std::span<int32_t> out) const;
  // For each token t of that range the place, relative to `begin`, where its document begins: 0 if
  // that is at `begin` or before.
  void document_begins(int64_t begin, std::span<int32_t> out) const;
  // Calls body(first token, the token after the last) for each document that is here when this is
  // called, in order.
  void for_each_document(const std::function<void(int64_t begin, int64_t end)>& body) const;
  // Reads and checks whole every shard that is here when this is called.
  void verify() const;
  // Throws Error if a model with `model_vocab_size` embeddings cannot read these tokens.
  void check_vocabulary(int64_t model_vocab_size) const;

 private:
  void add_folder(const Path& folder, Split split);
  void add_shard(const Path& path, const ShardSummary& expected, int32_t vocab_size);
  void check_range(int64_t begin, size_t count) const;
  // Calls body(shard, first token within it, offset in the range, count) for each part of the
  // range.
  template <class Body>
  void for_each_part(int64_t begin, size_t count, Body body) const;

  // The shards as they are now, which stay at their places when more come.
  std::vector<const Shard*> shards() const;

  std::string name_;
  mutable std::shared_mutex mutex_;  // guards what follows, which extend() changes
  std::deque<Shard> shards_;
  std::vector<int64_t> begins_ = {0};  // of each shard, and the end
  int64_t documents_ = 0;
  int64_t bytes_ = 0;
  int32_t vocab_size_ = 0;
  int32_t eos_token_id_ = 0;
  std::string tokenizer_hash_;
};

}  // namespace weft::data
