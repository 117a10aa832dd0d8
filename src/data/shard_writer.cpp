// The bytes of a shard, in one order: header, payload, hashes of its blocks.
#include "data/shard_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "data/content_hash.h"
#include "data/shard_format.h"
#include "weft/error.h"

namespace weft::data {
namespace {

// Hashes of the blocks of a payload that lies in several pieces of memory.
std::vector<uint64_t> block_hashes(std::span<const std::span<const std::byte>> pieces) {
  std::vector<uint64_t> hashes;
  Hasher64 hasher;
  int64_t filled = 0;
  for (std::span<const std::byte> piece : pieces) {
    while (!piece.empty()) {
      const auto part =
          piece.first(std::min(piece.size(), static_cast<size_t>(kShardBlockBytes - filled)));
      hasher.add(part);
      filled += static_cast<int64_t>(part.size());
      piece = piece.subspan(part.size());
      if (filled < kShardBlockBytes) continue;
      hashes.push_back(hasher.hash());
      hasher = Hasher64();
      filled = 0;
    }
  }
  if (filled > 0) hashes.push_back(hasher.hash());
  return hashes;
}

}  // namespace

ShardBuilder::ShardBuilder(int32_t vocab_size, int64_t capacity)
    : vocab_size_(vocab_size), capacity_(capacity) {
  WEFT_ASSERT(vocab_size > 0 && capacity > 0 && capacity <= kMaxShardTokens);
  stored_.reserve(static_cast<size_t>(capacity) * token_bytes_for(vocab_size) + 8);
}

template <class Stored>
void ShardBuilder::append_as(std::span<const int32_t> tokens) {
  const size_t old_size = stored_.size();
  stored_.resize(old_size + tokens.size() * sizeof(Stored));
  std::byte* out = stored_.data() + old_size;
  int32_t signs = 0, largest = 0;
  const auto store = [&](const int32_t* from, auto count) {
    std::array<Stored, decltype(count)::value> stored;
    for (size_t i = 0; i < stored.size(); ++i) {
      signs |= from[i];
      largest = std::max(largest, from[i]);
      stored[i] = static_cast<Stored>(from[i]);
    }
    std::memcpy(out, stored.data(), sizeof stored);
    out += sizeof stored;
  };
  constexpr std::integral_constant<size_t, 16>
      kBlock{};  // of a size that compilers make vectors of
  size_t i = 0;
  for (; i + kBlock <= tokens.size(); i += kBlock) store(&tokens[i], kBlock);
  for (; i < tokens.size(); ++i) store(&tokens[i], std::integral_constant<size_t, 1>());
  WEFT_ASSERT(signs >= 0 && largest < vocab_size_);
}

void ShardBuilder::append(std::span<const int32_t> tokens) {
  WEFT_ASSERT(static_cast<int64_t>(tokens.size()) <= room());
  if (token_bytes_for(vocab_size_) == 2) append_as<uint16_t>(tokens);
  else append_as<uint32_t>(tokens);
  tokens_ += static_cast<int64_t>(tokens.size());
}

ShardSummary ShardBuilder::write(FileSystem& files, const Path& path) const {
  const auto file = files.open_for_writing(path, WriteMode::kNew);
  const ShardSummary summary = write_to(*file);
  file->sync();
  file->close();
  return summary;
}

ShardSummary ShardBuilder::write_to(WritableFile& file) const {
  WEFT_ASSERT(starts_.empty() || static_cast<int64_t>(starts_.back()) < tokens_);
  ShardHeader header;
  header.token_bytes = token_bytes_for(vocab_size_);
  header.token_count = static_cast<uint64_t>(tokens_);
  header.document_count = starts_.size();
  header.vocab_size = static_cast<uint64_t>(vocab_size_);
  const ShardLayout layout(header);

  constexpr std::array<std::byte, 8> kZeros{};
  const auto padding =
      std::span(kZeros).first(static_cast<size_t>(layout.starts_at() - layout.tokens_end()));
  const std::array<std::span<const std::byte>, 3> payload = {stored_, padding,
                                                             std::as_bytes(std::span(starts_))};
  const std::vector<uint64_t> table = block_hashes(payload);
  header.table_hash = hash64(std::as_bytes(std::span(table)));
  header.header_hash = hash64(std::as_bytes(std::span(&header, 1)).first(56));

  file.write(std::as_bytes(std::span(&header, 1)));
  for (const auto piece : payload) file.write(piece);
  file.write(std::as_bytes(std::span(table)));
  return {.tokens = tokens_,
          .documents = layout.document_count,
          .bytes = layout.file_bytes(),
          .hash = header.header_hash};
}

void ShardBuilder::restore(std::span<const std::byte> stored, std::span<const uint64_t> starts) {
  WEFT_ASSERT(tokens_ == 0);
  const size_t width = token_bytes_for(vocab_size_);
  if (stored.size() % width != 0 || stored.size() / width > static_cast<size_t>(capacity_) ||
      (!starts.empty() && starts.back() > stored.size() / width))
    throw Error("the tokens that were saved do not fit the shard");
  stored_.assign(stored.begin(), stored.end());
  starts_.assign(starts.begin(), starts.end());
  tokens_ = static_cast<int64_t>(stored.size() / width);
}

void ShardBuilder::clear() {
  tokens_ = 0;
  stored_.clear();
  starts_.clear();
}

}  // namespace weft::data
