// The checks of shard_reader.h. No number of the file is used before it was compared with the size
// of the file or with another that was.
#include "data/shard_reader.h"

#include <algorithm>
#include <cstring>

#include "data/content_hash.h"

namespace weft::data {
namespace {

constexpr const char* kMendShard = "; copy the shard again or run `weft prepare` again";

std::string at_byte(int64_t offset) {
  return " at byte " + std::to_string(offset);
}

}  // namespace

ShardView::ShardView(std::span<const std::byte> bytes, std::string name)
    : bytes_(bytes), name_(std::move(name)) {
  if (bytes_.size() < sizeof(ShardHeader))
    fail("is " + std::to_string(bytes_.size()) + " bytes long, a shard's header alone is 64" +
         kMendShard);
  std::memcpy(&header_, bytes_.data(), sizeof header_);
  check_header();
  check_sizes();
  layout_ = ShardLayout(header_);
  if (static_cast<int64_t>(bytes_.size()) != layout_.file_bytes())
    fail("is " + std::to_string(bytes_.size()) + " bytes long, its header asks for " +
         std::to_string(layout_.file_bytes()) + ": it was cut short or continued" + kMendShard);
  if (hash64(bytes_.subspan(static_cast<size_t>(layout_.table_at()))) != header_.table_hash)
    fail("is damaged: the table of hashes" + at_byte(layout_.table_at()) +
         " does not have the hash that the header states" + kMendShard);
  checked_ = std::make_unique<std::atomic<bool>[]>(static_cast<size_t>(layout_.blocks()));
}

void ShardView::fail(const std::string& reason) const {
  throw Error("shard '" + name_ + "' " + reason);
}

void ShardView::check_header() const {
  if (header_.magic != kShardMagic)
    fail("is no token shard: its first 8 bytes are not WEFTSHRD; `weft prepare` writes shards");
  if (hash64(bytes_.first(56)) != header_.header_hash)
    fail(std::string(
             "is damaged: its header (bytes 0 to 63) does not have the hash that it states") +
         kMendShard);
  if (header_.version != kShardVersion)
    fail("has version " + std::to_string(header_.version) + ", this program reads version " +
         std::to_string(kShardVersion) +
         "; use the Weft that wrote it, or run `weft prepare` again");
}

void ShardView::check_sizes() const {
  const auto check = [&](bool good, const char* field, uint64_t value, const std::string& allowed) {
    if (!good)
      fail(std::string("has ") + field + " " + std::to_string(value) +
           " in its header, allowed is " + allowed + kMendShard);
  };
  check(header_.vocab_size >= 1 && header_.vocab_size <= INT32_MAX, "vocab_size",
        header_.vocab_size, "1 to 2147483647");
  const uint32_t width = token_bytes_for(static_cast<int64_t>(header_.vocab_size));
  check(header_.token_bytes == width, "token_bytes", header_.token_bytes,
        std::to_string(width) + " for its vocabulary");
  check(header_.token_count <= kMaxShardTokens, "token_count", header_.token_count,
        "0 to " + std::to_string(kMaxShardTokens));
  check(header_.document_count <= header_.token_count, "document_count", header_.document_count,
        "at most token_count");
  check(header_.block_bytes == kShardBlockBytes, "block_bytes", header_.block_bytes,
        std::to_string(kShardBlockBytes));
}

ShardSummary ShardView::summary() const {
  return {.tokens = layout_.token_count,
          .documents = layout_.document_count,
          .bytes = layout_.file_bytes(),
          .hash = header_.header_hash};
}

void ShardView::read(int64_t begin, std::span<int32_t> out) const {
  const int64_t count = static_cast<int64_t>(out.size());
  WEFT_ASSERT(begin >= 0 && count <= layout_.token_count && begin <= layout_.token_count - count);
  if (out.empty()) return;
  const int64_t at = layout_.tokens_at() + begin * layout_.token_bytes;
  check_blocks(at, at + count * layout_.token_bytes);
  const std::byte* source = bytes_.data() + at;
  if (layout_.token_bytes == 4) {
    std::memcpy(out.data(), source, out.size_bytes());
  } else {
    for (int32_t& token : out) {
      uint16_t stored;
      std::memcpy(&stored, source, sizeof stored);
      token = stored;
      source += sizeof stored;
    }
  }
  // Their blocks were checked when they were first read; since then someone may have written there.
  const auto beyond = [&](int32_t token) { return static_cast<uint32_t>(token) >= vocab_size(); };
  if (std::any_of(out.begin(), out.end(), beyond))
    fail("was changed while it was read: tokens " + std::to_string(begin) + " to " +
         std::to_string(begin + count - 1) + " hold one beyond the vocabulary" + kMendShard);
}

uint64_t ShardView::raw_start(int64_t index) const {
  uint64_t start;
  std::memcpy(&start, bytes_.data() + layout_.starts_at() + index * 8, sizeof start);
  return start;
}

int64_t ShardView::document_start(int64_t index) const {
  WEFT_ASSERT(index >= 0 && index < layout_.document_count);
  const int64_t at = layout_.starts_at() + index * 8;
  check_blocks(at, at + 8);
  return static_cast<int64_t>(raw_start(index));
}

int64_t ShardView::first_document_from(int64_t token) const {
  int64_t low = 0, high = layout_.document_count;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (document_start(middle) < token) low = middle + 1;
    else high = middle;
  }
  return low;
}

void ShardView::verify() const {
  check_blocks(layout_.tokens_at(), layout_.table_at());
}

void ShardView::check_blocks(int64_t begin, int64_t end) const {
  if (begin >= end) return;
  const int64_t first = (begin - layout_.tokens_at()) / kShardBlockBytes;
  const int64_t last = (end - 1 - layout_.tokens_at()) / kShardBlockBytes;
  for (int64_t block = first; block <= last; ++block) {
    std::atomic<bool>& checked = checked_[static_cast<size_t>(block)];
    // Two threads may both check a block; they find the same. Nothing else is published by the
    // flag.
    if (checked.load(std::memory_order_relaxed)) continue;
    check_block(block);
    checked.store(true, std::memory_order_relaxed);
  }
}

void ShardView::check_block(int64_t block) const {
  const int64_t begin = layout_.tokens_at() + block * kShardBlockBytes;
  const int64_t end = std::min(begin + kShardBlockBytes, layout_.table_at());
  uint64_t stated;
  std::memcpy(&stated, bytes_.data() + layout_.table_at() + block * 8, sizeof stated);
  if (hash64(bytes_.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin))) !=
      stated)
    fail("is damaged: bytes " + std::to_string(begin) + " to " + std::to_string(end - 1) +
         " do not have the hash that the shard states for them" + kMendShard);
  if (begin < layout_.tokens_end()) check_tokens(begin, std::min(end, layout_.tokens_end()));
  for (int64_t at = std::max(begin, layout_.tokens_end()); at < std::min(end, layout_.starts_at());
       ++at)
    if (bytes_[static_cast<size_t>(at)] != std::byte{0})
      fail("has a padding byte that is not zero" + at_byte(at) + kMendShard);
  if (end > layout_.starts_at()) check_starts(std::max(begin, layout_.starts_at()), end);
}

void ShardView::check_tokens(int64_t begin, int64_t end) const {
  if (layout_.token_bytes == 2) check_tokens_as<uint16_t>(begin, end);
  else check_tokens_as<uint32_t>(begin, end);
}

template <class Stored>
void ShardView::check_tokens_as(int64_t begin, int64_t end) const {
  const auto token_at = [&](int64_t at) {
    Stored token;
    std::memcpy(&token, bytes_.data() + at, sizeof token);
    return token;
  };
  Stored largest = 0;
  for (int64_t at = begin; at < end; at += sizeof(Stored))
    largest = std::max(largest, token_at(at));
  if (largest < header_.vocab_size) return;
  int64_t at = begin;
  while (token_at(at) < header_.vocab_size) at += sizeof(Stored);
  const int64_t index = (at - layout_.tokens_at()) / layout_.token_bytes;
  fail("has token id " + std::to_string(token_at(at)) + " at token " + std::to_string(index) +
       " (byte " + std::to_string(at) + "), its vocabulary ends at " +
       std::to_string(header_.vocab_size - 1) + kMendShard);
}

void ShardView::check_starts(int64_t begin, int64_t end) const {
  const int64_t first = (begin - layout_.starts_at()) / 8, last = (end - layout_.starts_at()) / 8;
  for (int64_t index = first; index < last; ++index) {
    const uint64_t start = raw_start(index);
    if (start < header_.token_count && (index == 0 || start > raw_start(index - 1))) continue;
    fail("says that document " + std::to_string(index) + " starts at token " +
         std::to_string(start) + at_byte(layout_.starts_at() + index * 8) +
         "; starts ascend and lie below " + std::to_string(header_.token_count) + kMendShard);
  }
}

}  // namespace weft::data
