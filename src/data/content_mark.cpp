#include "data/content_mark.h"

#include <algorithm>

#include "io/hash.h"

namespace weft::data {
namespace {

// Of the first `count` shards of a split.
std::string hash_of(const SplitContent& content, size_t count) {
  io::Hasher hasher;
  for (const ShardSummary& shard : std::span(content.shards).first(count))
    hasher.add(std::as_bytes(std::span(&shard.hash, 1)));
  return hasher.hex();
}

}  // namespace

ContentMark mark_of(const DatasetManifest& manifest) {
  ContentMark mark;
  for (size_t i = 0; i < kSplits.size(); ++i) {
    mark.shards[i] = static_cast<int64_t>(manifest.splits[i].shards.size());
    mark.hashes[i] = hash_of(manifest.splits[i], manifest.splits[i].shards.size());
  }
  return mark;
}

Agreement compare(const ContentMark& mark, const DatasetManifest& manifest) {
  Agreement result = Agreement::kSame;
  for (size_t i = 0; i < kSplits.size(); ++i) {
    const auto count = static_cast<size_t>(std::max<int64_t>(mark.shards[i], 0));
    if (count > manifest.splits[i].shards.size()) result = Agreement::kTooFew;
    else if (hash_of(manifest.splits[i], count) != mark.hashes[i]) return Agreement::kOther;
  }
  return result;
}

}  // namespace weft::data
