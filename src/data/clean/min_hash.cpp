#include "data/clean/min_hash.h"

#include <algorithm>
#include <span>

#include "data/clean/words.h"

namespace weft::data {
namespace {

constexpr uint32_t kEmpty = UINT32_MAX;

// The values of a signature while shingles are thrown into them.
class Values {
 public:
  explicit Values(std::vector<uint32_t>& signature)
      : kept_(signature.data()), size_(static_cast<uint32_t>(signature.size())) {}
  // Each of two random numbers throws twice: its halves give the places, its low half and a
  // permutation of it the values.
  void add(uint64_t shingle) {
    for (const uint64_t random : {mixed(shingle), mixed(shingle + kSpread)}) {
      const auto value = static_cast<uint32_t>(random);
      put(static_cast<uint32_t>(random >> 48), value);
      put(static_cast<uint32_t>(random >> 32) & 0xFFFF, value * 0x9E3779B1u);
    }
  }

 private:
  void put(uint32_t place16, uint32_t value) {
    uint32_t& kept = kept_[place16 * size_ >> 16];
    kept = std::min(kept, value);
  }

  uint32_t* kept_;
  uint32_t size_;
};

// Hashes of a text's words, in memory that is used again.
std::span<const uint64_t> words_of(std::string_view text) {
  thread_local std::vector<uint64_t> words;
  const size_t most = text.size() / 2 + 1;
  if (words.size() < most) words.resize(most);
  size_t count = 0;
  for_each_word(text, [&, into = words.data()](uint64_t word) { into[count++] = word; });
  return std::span(words).first(count);
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
  const std::span<const uint64_t> words = words_of(text);
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
  Values values(signature);
  values.add(shingle);
  for (size_t end = n; end < words.size(); ++end) {
    shingle = (shingle + words[end]) * kSpread - words[end - n] * leaving;
    values.add(shingle);
  }
  fill_empty(signature);
}

}  // namespace weft::data
