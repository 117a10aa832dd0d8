#include "data/shard_documents.h"

#include <algorithm>

#include "weft/error.h"

namespace weft::data {
namespace {

constexpr int64_t kPieceTokens = 1 << 16;

}  // namespace

ShardDocuments::ShardDocuments(const std::vector<Path>& shards) {
  for (const Path& path : shards) {
    shards_.emplace_back(path);
    first_documents_.push_back(documents() + shards_.back()->documents());
    vocab_size_ = shards_.back()->vocab_size();
  }
}

std::vector<Path> ShardDocuments::paths_of(const Path& folder, Split split) {
  std::vector<Path> paths;
  const size_t count = read_manifest(folder).split(split).shards.size();
  for (size_t i = 0; i < count; ++i) paths.push_back(folder / shard_name(split, i));
  return paths;
}

int64_t ShardDocuments::tokens() const {
  int64_t tokens = 0;
  for (const Shard& shard : shards_) tokens += shard->tokens();
  return tokens;
}

std::vector<int32_t> ShardDocuments::document(int64_t number) const {
  WEFT_ASSERT(number >= 0 && number < documents());
  const auto after = std::upper_bound(first_documents_.begin(), first_documents_.end(), number);
  auto index = static_cast<size_t>(after - first_documents_.begin()) - 1;
  const int64_t within = number - first_documents_[index];
  std::vector<int32_t> tokens;
  const auto add = [&](const ShardView& shard, int64_t begin, int64_t end) {
    const size_t old_size = tokens.size();
    tokens.resize(old_size + static_cast<size_t>(end - begin));
    shard.read(begin, std::span(tokens).subspan(old_size));
  };
  const ShardView& shard = *shards_[index];
  const bool ends_here = within + 1 < shard.documents();
  add(shard, shard.document_start(within),
      ends_here ? shard.document_start(within + 1) : shard.tokens());
  bool goes_on = !ends_here;
  while (goes_on && ++index < shards_.size()) {
    const ShardView& next = *shards_[index];
    goes_on = next.documents() == 0;
    add(next, 0, goes_on ? next.tokens() : next.document_start(0));
  }
  return tokens;
}

void ShardDocuments::for_each_piece(const Visit& visit) const {
  std::vector<int32_t> tokens;
  std::vector<int64_t> starts;
  for (const Shard& shard : shards_) {
    int64_t document = 0;
    for (int64_t begin = 0; begin < shard->tokens(); begin += kPieceTokens) {
      const int64_t end = std::min(begin + kPieceTokens, shard->tokens());
      tokens.resize(static_cast<size_t>(end - begin));
      shard->read(begin, tokens);
      starts.clear();
      for (; document < shard->documents() && shard->document_start(document) < end; ++document)
        starts.push_back(shard->document_start(document) - begin);
      visit(tokens, starts);
    }
  }
}

}  // namespace weft::data
