#include "data/clean/min_hash.h"

#include <algorithm>

#include "data/clean/words.h"

namespace weft::data {
namespace {

constexpr uint32_t kEmpty = UINT32_MAX;

// Each of two random numbers throws twice: its halves give the places, its low half and a
// permutation of it the values.
void throw_into(std::vector<uint32_t>& signature, uint64_t shingle) {
  const uint32_t size = static_cast<uint32_t>(signature.size());
  const auto put = [&](uint32_t place16, uint32_t value) {
    uint32_t& kept = signature[place16 * size >> 16];
    kept = std::min(kept, value);
  };
  for (const uint64_t random : {mixed(shingle), mixed(shingle + kSpread)}) {
    const auto value = static_cast<uint32_t>(random);
    put(static_cast<uint32_t>(random >> 48), value);
    put(static_cast<uint32_t>(random >> 32) & 0xFFFF, value * 0x9E3779B1u);
  }
}

// Each empty value takes that of a place drawn by its own number: the same for both of two texts
// that lack the same values.
void fill_empty(std::vector<uint32_t>& signature) {
  std::vector<size_t> empty;
  for (size_t i = 0; i < signature.size(); ++i)
    if (signature[i] == kEmpty) empty.push_back(i);
  const std::vector<uint32_t> filled = signature;
  for (const size_t place : empty)
    for (uint64_t draw = 1; signature[place] == kEmpty; ++draw)
      signature[place] = filled[(mixed(place * kSpread + draw) >> 32) * signature.size() >> 32];
}

}  // namespace

void min_hash(std::string_view text, const MinHashOptions& options,
              std::vector<uint32_t>& signature) {
  thread_local std::vector<uint64_t> words;
  words.clear();
  for_each_word(text, [&](uint64_t word) { words.push_back(word); });
  signature.clear();
  if (words.empty()) return;
  signature.assign(static_cast<size_t>(options.values), kEmpty);
  const size_t n = std::min(static_cast<size_t>(options.shingle_words), words.size());
  // A shingle is a number in base kSpread whose digits are its words, so that the next one follows
  // from it: the first digit goes, one comes at the end.
  uint64_t shingle = 0, leaving = kSpread;
  for (size_t i = 0; i < n; ++i) {
    shingle = (shingle + words[i]) * kSpread;
    leaving *= kSpread;
  }
  throw_into(signature, shingle);
  for (size_t end = n; end < words.size(); ++end) {
    shingle = (shingle + words[end]) * kSpread - words[end - n] * leaving;
    throw_into(signature, shingle);
  }
  fill_empty(signature);
}

}  // namespace weft::data
