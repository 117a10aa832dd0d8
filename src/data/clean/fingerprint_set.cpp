#include "data/clean/fingerprint_set.h"

#include <utility>

#include "data/clean/words.h"

namespace weft::data {
namespace {

// 40 bits, never 0.
uint64_t fingerprint_of(uint64_t hash) {
  const uint64_t bits = hash >> 24;
  return bits == 0 ? 1 : bits;
}

}  // namespace

size_t FingerprintSet::first_slot(uint64_t fingerprint) const {
  return (fingerprint * kSpread >> 20) & (low_.size() - 1);
}

void FingerprintSet::prefetch(uint64_t hash) const {
  const size_t slot = first_slot(fingerprint_of(hash));
  __builtin_prefetch(&low_[slot]);
  __builtin_prefetch(&high_[slot]);
}

// The slot that holds the fingerprint, or the empty one where it would go.
size_t FingerprintSet::find(uint64_t fingerprint) const {
  const size_t mask = low_.size() - 1;
  const auto low = static_cast<uint32_t>(fingerprint);
  const auto high = static_cast<uint8_t>(fingerprint >> 32);
  size_t slot = first_slot(fingerprint);
  while ((low_[slot] != 0 || high_[slot] != 0) && (low_[slot] != low || high_[slot] != high))
    slot = (slot + 1) & mask;
  return slot;
}

bool FingerprintSet::contains(uint64_t hash) const {
  const size_t slot = find(fingerprint_of(hash));
  return low_[slot] != 0 || high_[slot] != 0;
}

void FingerprintSet::insert(uint64_t hash) {
  if (is_full()) grow();
  const uint64_t fingerprint = fingerprint_of(hash);
  const size_t slot = find(fingerprint);
  if (low_[slot] != 0 || high_[slot] != 0) return;
  low_[slot] = static_cast<uint32_t>(fingerprint);
  high_[slot] = static_cast<uint8_t>(fingerprint >> 32);
  ++used_;
}

void FingerprintSet::grow() {
  const auto low = std::exchange(low_, std::vector<uint32_t>(2 * low_.size()));
  const auto high = std::exchange(high_, std::vector<uint8_t>(low_.size()));
  for (size_t i = 0; i < low.size(); ++i) {
    if (low[i] == 0 && high[i] == 0) continue;
    const size_t slot = find(uint64_t{high[i]} << 32 | low[i]);
    low_[slot] = low[i];
    high_[slot] = high[i];
  }
}

size_t HashSet128::find(const Hash& hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash[0] & mask;
  while (slots_[slot] != Hash{} && slots_[slot] != hash) slot = (slot + 1) & mask;
  return slot;
}

bool HashSet128::insert(const Hash& given) {
  const Hash hash = given == Hash{} ? Hash{1, 0} : given;
  if (is_full()) {
    const auto old = std::exchange(slots_, std::vector<Hash>(2 * slots_.size()));
    for (const Hash& other : old)
      if (other != Hash{}) slots_[find(other)] = other;
  }
  const size_t slot = find(hash);
  if (slots_[slot] != Hash{}) return false;
  slots_[slot] = hash;
  ++used_;
  return true;
}

}  // namespace weft::data
