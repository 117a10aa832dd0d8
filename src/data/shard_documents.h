// Documents of token shards by their number: for looking at them. Training reads token_stream.h.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "data/dataset_manifest.h"
#include "data/shard_reader.h"

namespace weft::data {

class ShardDocuments {
 public:
  // Shards that follow one another: those of one split of a tokens folder, or one alone. Throws
  // Error as Shard does.
  explicit ShardDocuments(const std::vector<Path>& shards);
  // The shards of `split` of a tokens folder, in order.
  static std::vector<Path> paths_of(const Path& folder, Split split);

  // Documents that begin in one of the shards.
  int64_t documents() const { return first_documents_.back(); }
  int64_t tokens() const;
  int64_t vocab_size() const { return vocab_size_; }
  // Document `number` of [0, documents()), as far as the shards hold it.
  std::vector<int32_t> document(int64_t number) const;
  // Calls visit(tokens, starts) for pieces of the shards in order: the places of `tokens` where
  // documents begin.
  using Visit = std::function<void(std::span<const int32_t>, std::span<const int64_t>)>;
  void for_each_piece(const Visit& visit) const;

 private:
  std::vector<Shard> shards_;
  std::vector<int64_t> first_documents_ = {0};  // of each shard, and the end
  int64_t vocab_size_ = 0;
};

}  // namespace weft::data
