// Sets of hashes in little memory, for what duplicates are found by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::data {

// 40 bits of each hash, in 5 bytes a slot: among n hashes, a new one is taken for an old one with a
// probability of n / 2^40. One thread.
class FingerprintSet {
 public:
  // Fetches what contains() and insert() will look at into the caches.
  void prefetch(uint64_t hash) const;
  bool contains(uint64_t hash) const;
  void insert(uint64_t hash);
  int64_t bytes() const { return static_cast<int64_t>(low_.size()) * 5; }
  // What insert() would add to bytes(), to move to a larger table; 0 for most calls. While it moves
  // the old table is there too: as much again.
  int64_t growth() const { return is_full() ? bytes() : 0; }

 private:
  static constexpr size_t kLeast = 1024;
  bool is_full() const { return 10 * used_ >= 7 * low_.size(); }
  size_t first_slot(uint64_t fingerprint) const;
  size_t find(uint64_t fingerprint) const;
  void grow();

  std::vector<uint32_t> low_ = std::vector<uint32_t>(kLeast);
  std::vector<uint8_t> high_ = std::vector<uint8_t>(kLeast);  // with low_: 0 for an empty slot
  size_t used_ = 0;
};

// All 128 bits of each hash. One thread.
class HashSet128 {
 public:
  using Hash = std::array<uint64_t, 2>;
  // False if it was there.
  bool insert(const Hash& hash);
  int64_t bytes() const { return static_cast<int64_t>(slots_.size() * sizeof(Hash)); }
  // As that of FingerprintSet.
  int64_t growth() const { return is_full() ? bytes() : 0; }

 private:
  static constexpr size_t kLeast = 1024;
  bool is_full() const { return 10 * used_ >= 7 * slots_.size(); }
  size_t find(const Hash& hash) const;

  std::vector<Hash> slots_ = std::vector<Hash>(kLeast);  // zeros: empty
  size_t used_ = 0;
};

}  // namespace weft::data
