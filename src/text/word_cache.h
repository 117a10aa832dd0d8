// Ids of words met before. Text repeats its words, so most words cost one look-up here instead of
// their merges. Not here: how ids are found.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace weft::text {

// Words of up to 32 bytes and 7 ids, a cache line each; a new word takes the place of an old one.
// One thread at a time.
class WordCache {
 public:
  static constexpr size_t kMaxBytes = 32;
  static constexpr size_t kMaxIds = 7;

  // A word as it is looked up: its bytes, then zeros. One word may have ids for each variant.
  struct Key {
    Key() = default;
    explicit Key(std::string_view word, uint16_t which = 0)
        : size(static_cast<uint32_t>(word.size())), variant(which) {
      size_t i = 0;
      for (; 8 * (i + 1) <= word.size(); ++i) std::memcpy(&part[i], word.data() + 8 * i, 8);
      if (word.size() % 8 != 0) part[i] = load_short(word.data() + 8 * i, word.size() % 8);
      place = place_of(*this);
    }

    std::array<uint64_t, 4> part{};
    uint32_t size = 0;
    uint16_t variant = 0;
    uint32_t place = 0;  // of its entry
  };

  WordCache() : entries_(kEntries) {}

  // The ids of the word, empty if it is not there. Valid until the next put().
  std::span<const int32_t> find(const Key& key) const {
    const Entry& entry = entries_[key.place];
    uint64_t differs = (entry.size ^ key.size) | (entry.variant ^ key.variant);
    for (size_t i = 0; i < key.part.size(); ++i) differs |= entry.part[i] ^ key.part[i];
    if (differs != 0) return {};
    return {entry.ids.data(), entry.count};
  }

  // Has the entry on its way from memory when find() comes.
  void prefetch(const Key& key) const { __builtin_prefetch(&entries_[key.place]); }

  // `ids` may have any length; what does not fit is left out.
  void put(const Key& key, std::span<const int32_t> ids) {
    if (ids.size() > kMaxIds) return;
    Entry& entry = entries_[key.place];
    entry.part = key.part;
    entry.size = static_cast<uint8_t>(key.size);
    entry.variant = key.variant;
    entry.count = static_cast<uint8_t>(ids.size());
    std::copy(ids.begin(), ids.end(), entry.ids.begin());
  }

 private:
  static constexpr int kBits = 16;
  static constexpr size_t kEntries = size_t{1} << kBits;

  struct alignas(64) Entry {
    std::array<uint64_t, 4> part{};
    std::array<int32_t, kMaxIds> ids{};
    uint8_t size = 0;  // no word is empty, so a fresh entry is never found
    uint8_t count = 0;
    uint16_t variant = 0;
  };

  // 1 to 7 bytes, without reading beyond them.
  static uint64_t load_short(const char* bytes, size_t size) {
    const auto load = [&](auto kind, size_t at) {
      std::memcpy(&kind, bytes + at, sizeof(kind));
      return static_cast<uint64_t>(kind);
    };
    if (size >= 4) return load(uint32_t{}, 0) | load(uint32_t{}, size - 4) << (8 * (size - 4));
    if (size >= 2) return load(uint16_t{}, 0) | load(uint16_t{}, size - 2) << (8 * (size - 2));
    return load(uint8_t{}, 0);
  }

  static uint32_t place_of(const Key& key) {
    uint64_t hash = key.part[0] ^ uint64_t { key.variant } << 48 ^
                    std::rotl(key.part[1] * 0x9E3779B97F4A7C15, 29);
    if (key.size > 16)
      hash ^= std::rotl((key.part[2] ^ (key.part[3] << 1)) * 0xD6E8FEB86659FD93, 37);
    return static_cast<uint32_t>((hash * 0xA24BAED4963EE407) >> (64 - kBits));
  }

  std::vector<Entry> entries_;
};

// Calls body(word, key) for the words of text[begin..] that end at `ends`; the key of a word that
// is longer than WordCache::kMaxBytes is empty. Entries are fetched some words ahead: in text whose
// words rarely come again most of them are in no cache of the processor.
template <class Body>
void for_each_word(std::string_view text, size_t begin, std::span<const size_t> ends,
                   const WordCache& cache, const Body& body) {
  constexpr size_t kAhead = 8;
  std::array<WordCache::Key, kAhead> keys;
  const auto prepare = [&](size_t i) {
    const size_t first = i == 0 ? begin : ends[i - 1];
    WordCache::Key& key = keys[i % kAhead];
    key = {};
    if (ends[i] - first > WordCache::kMaxBytes) return;
    key = WordCache::Key(text.substr(first, ends[i] - first));
    cache.prefetch(key);
  };
  for (size_t i = 0; i < std::min(kAhead - 1, ends.size()); ++i) prepare(i);
  for (size_t i = 0; i < ends.size(); ++i) {
    if (i + kAhead - 1 < ends.size()) prepare(i + kAhead - 1);
    const size_t first = i == 0 ? begin : ends[i - 1];
    body(text.substr(first, ends[i] - first), keys[i % kAhead]);
  }
}

}  // namespace weft::text
