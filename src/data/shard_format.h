// The layout of a token shard, shared by its writer and its reader; docs/formats.md tells it in
// words. All numbers are little-endian.
//
//   header (64 bytes) | tokens, zero-padded to 8 bytes | document starts | block hashes
//
// Tokens and document starts are the payload; a block is 64 KiB of it, the last one shorter.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace weft::data {

static_assert(std::endian::native == std::endian::little, "shards are mapped, not converted");

inline constexpr std::array<char, 8> kShardMagic = {'W', 'E', 'F', 'T', 'S', 'H', 'R', 'D'};
inline constexpr uint32_t kShardVersion = 1;
inline constexpr int64_t kShardBlockBytes = 64 << 10;
// Bounds every size computed from a header far below overflow.
inline constexpr int64_t kMaxShardTokens = int64_t{1} << 40;

struct ShardHeader {
  std::array<char, 8> magic = kShardMagic;
  uint32_t version = kShardVersion;
  uint32_t token_bytes = 0;  // 2 or 4
  uint64_t token_count = 0;
  uint64_t document_count = 0;  // documents that start in this shard
  uint64_t vocab_size = 0;      // every token is below it
  uint64_t block_bytes = kShardBlockBytes;
  uint64_t table_hash = 0;   // XXH3-64 of the block hashes
  uint64_t header_hash = 0;  // XXH3-64 of the 56 bytes before; in every version at this place
};
static_assert(sizeof(ShardHeader) == 64);

// Sizes and places that follow from a header's counts, in bytes from the start of the file.
struct ShardLayout {
  explicit constexpr ShardLayout(const ShardHeader& header)
      : token_count(static_cast<int64_t>(header.token_count)),
        document_count(static_cast<int64_t>(header.document_count)),
        token_bytes(static_cast<int64_t>(header.token_bytes)) {}

  constexpr int64_t tokens_at() const { return sizeof(ShardHeader); }
  constexpr int64_t tokens_end() const { return tokens_at() + token_count * token_bytes; }
  constexpr int64_t starts_at() const { return (tokens_end() + 7) / 8 * 8; }
  constexpr int64_t table_at() const { return starts_at() + document_count * 8; }
  constexpr int64_t blocks() const {
    return (table_at() - tokens_at() + kShardBlockBytes - 1) / kShardBlockBytes;
  }
  constexpr int64_t file_bytes() const { return table_at() + blocks() * 8; }

  int64_t token_count;
  int64_t document_count;
  int64_t token_bytes;
};

// 16-bit tokens wherever the vocabulary allows.
constexpr uint32_t token_bytes_for(int64_t vocab_size) {
  return vocab_size <= 65536 ? 2 : 4;
}

}  // namespace weft::data
