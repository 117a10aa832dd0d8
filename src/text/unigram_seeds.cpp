// Repeated substrings (unigram_seeds.h). Suffixes are sorted by up to Seed::kMaxCharacters
// characters, four at a time; a run of suffixes with a common beginning is a node of their suffix
// tree.
#include "text/unigram_seeds.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr int kMax = Seed::kMaxCharacters;
constexpr int kCharactersOfKey = 4;

// Words as numbers of characters, from 1 on, each word followed by a 0.
struct Suffixes {
  std::vector<uint16_t> text;
  std::vector<uint32_t> word_of;  // by place
  std::vector<int64_t> counts;    // by word
  std::vector<uint32_t> places;   // of characters, grouped by the character
  std::vector<size_t> begins;     // of the groups, by number of the character; one more at the end
};

Suffixes suffixes_of(const CoveredWords& words, const TextAlphabet& alphabet, size_t most) {
  std::vector<uint32_t> order(words.words().size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](uint32_t i) { return words.words()[i].count; });
  Suffixes result;
  for (const uint32_t i : order) {
    if (result.text.size() > most) break;
    const std::string_view word = words.text(words.words()[i]);
    const auto number = static_cast<uint32_t>(result.counts.size());
    for (size_t at = 0; at < word.size(); at += utf8_at(word, at).size)
      result.text.push_back(static_cast<uint16_t>(alphabet.index(utf8_at(word, at).code) + 1));
    result.text.push_back(0);
    result.word_of.resize(result.text.size(), number);
    result.counts.push_back(words.words()[i].count);
  }
  WEFT_ASSERT(result.text.size() < UINT32_MAX);
  return result;
}

void group_by_character(Suffixes& suffixes, size_t characters) {
  suffixes.begins.assign(characters + 2, 0);
  for (const uint16_t c : suffixes.text)
    if (c != 0) ++suffixes.begins[c + size_t{1}];
  std::partial_sum(suffixes.begins.begin(), suffixes.begins.end(), suffixes.begins.begin());
  suffixes.places.resize(suffixes.begins.back());
  std::vector<size_t> next = suffixes.begins;
  for (size_t at = 0; at < suffixes.text.size(); ++at)
    if (suffixes.text[at] != 0)
      suffixes.places[next[suffixes.text[at]]++] = static_cast<uint32_t>(at);
}

// The suffixes that begin with one character.
class Group {
 public:
  Group(const Suffixes& suffixes, std::span<uint32_t> places, int64_t min_frequency)
      : suffixes_(suffixes), places_(places), min_frequency_(min_frequency) {}

  struct Found {
    uint32_t place;
    uint8_t size;
    int64_t count;
  };
  std::vector<Found> run() {
    sort(places_, 0);
    find();
    return std::move(found_);
  }

 private:
  struct Record {
    uint64_t key;
    uint32_t place;
    bool operator<(const Record& other) const {
      return key != other.key ? key < other.key : place < other.place;
    }
  };
  struct Open {
    int64_t weight_before;
    size_t first;
  };

  uint64_t key_at(size_t place) const {
    uint64_t key = 0;
    bool ended = false;
    for (int i = 0; i < kCharactersOfKey; ++i) {
      const uint16_t c = ended ? uint16_t{0} : suffixes_.text[place + static_cast<size_t>(i)];
      ended = ended || c == 0;
      key = key << 16 | c;
    }
    return key;
  }

  void sort(std::span<uint32_t> places, int depth) {
    std::vector<Record> records;
    records.reserve(places.size());
    for (const uint32_t place : places)
      records.push_back({key_at(place + static_cast<size_t>(depth)), place});
    std::sort(records.begin(), records.end());
    for (size_t i = 0; i < places.size(); ++i) places[i] = records[i].place;
    if (depth + kCharactersOfKey >= kMax) return;
    for (size_t begin = 0; begin < records.size();) {
      size_t end = begin + 1;
      while (end < records.size() && records[end].key == records[begin].key) ++end;
      const bool goes_on = (records[begin].key & 0xFFFF) != 0;
      if (goes_on && end - begin > 1)
        sort(places.subspan(begin, end - begin), depth + kCharactersOfKey);
      begin = end;
    }
  }

  int size_at(size_t place) const {
    int n = 0;
    while (n < kMax && suffixes_.text[place + static_cast<size_t>(n)] != 0) ++n;
    return n;
  }

  int common(size_t a, size_t b) const {
    const int most = size_at(a);
    int n = 0;
    while (n < most &&
           suffixes_.text[a + static_cast<size_t>(n)] == suffixes_.text[b + static_cast<size_t>(n)])
      ++n;
    return n;
  }

  void find() {
    int depth = 0;
    for (size_t i = 0; i <= places_.size(); ++i) {
      const int shared = i == 0 || i == places_.size() ? 0 : common(places_[i - 1], places_[i]);
      if (i > 0) close(depth, shared, places_[i - 1]);
      if (i == places_.size()) return;
      depth = size_at(places_[i]);
      for (int d = shared + 1; d <= depth; ++d) open_[static_cast<size_t>(d)] = {weight_, i};
      weight_ += suffixes_.counts[suffixes_.word_of[places_[i]]];
    }
  }

  // Ends the nodes deeper than `shared`, of which `place` is the last suffix.
  void close(int depth, int shared, uint32_t place) {
    size_t deeper = SIZE_MAX;  // where the node below this one began
    for (int d = depth; d > shared; --d) {
      const Open& node = open_[static_cast<size_t>(d)];
      const int64_t count = weight_ - node.weight_before;
      const bool is_same = node.first == deeper;
      deeper = node.first;
      if (is_same || d < 2 || count < min_frequency_) continue;
      found_.push_back({place, static_cast<uint8_t>(d), count});
    }
  }

  const Suffixes& suffixes_;
  std::span<uint32_t> places_;
  int64_t min_frequency_;
  int64_t weight_ = 0;
  std::array<Open, kMax + 1> open_{};
  std::vector<Found> found_;
};

int64_t score_of(const Group::Found& found) {
  return found.count * found.size;
}

// The best ones, in the order they have.
void keep_best(std::vector<Group::Found>& found, size_t most) {
  if (found.size() <= most) return;
  std::vector<size_t> order(found.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(most);
  std::nth_element(order.begin(), middle, order.end(), [&](size_t a, size_t b) {
    const int64_t x = score_of(found[a]), y = score_of(found[b]);
    return x != y ? x > y : a < b;
  });
  std::sort(order.begin(), middle);
  std::vector<Group::Found> best;
  for (auto i = order.begin(); i != middle; ++i) best.push_back(found[*i]);
  found = std::move(best);
}

}  // namespace

CoveredWords::CoveredWords(const WordCounts& words, const TextAlphabet& alphabet) {
  for (const size_t i : words.sorted()) {
    const std::string_view word = words.word(i);
    size_t begin = bytes_.size();
    const auto end_word = [&] {
      if (bytes_.size() > begin)
        words_.push_back({begin, static_cast<uint32_t>(bytes_.size() - begin), words.count(i)});
      begin = bytes_.size();
    };
    for (size_t at = 0; at < word.size();) {
      const Utf8Char c = utf8_at(word, at);
      if (alphabet.index(c.code) < 0) end_word();
      else bytes_ += word.substr(at, c.size);
      at += c.size;
    }
    end_word();
  }
}

std::vector<Seed> find_seeds(const CoveredWords& words, const TextAlphabet& alphabet,
                             const SeedOptions& options, const ParallelFor& parallel) {
  const size_t characters = alphabet.characters().size();
  if (characters >= UINT16_MAX)
    throw Error("the text has " + std::to_string(characters) +
                " characters to make pieces of; a smaller character_coverage leaves the rare ones "
                "out");
  Suffixes suffixes = suffixes_of(words, alphabet, options.most_characters);
  group_by_character(suffixes, characters);
  std::vector<std::vector<Group::Found>> by_group(characters);
  parallel(static_cast<int64_t>(characters), [&](int64_t i, int) {
    const auto group = static_cast<size_t>(i);
    const size_t begin = suffixes.begins[group + 1], end = suffixes.begins[group + 2];
    const auto places = std::span(suffixes.places).subspan(begin, end - begin);
    by_group[group] = Group(suffixes, places, options.min_frequency).run();
    keep_best(by_group[group], options.most_pieces);
  });
  std::vector<Group::Found> all;
  for (auto& found : by_group) {
    all.insert(all.end(), found.begin(), found.end());
    std::vector<Group::Found>().swap(found);
  }
  keep_best(all, options.most_pieces);
  std::vector<Seed> seeds;
  seeds.reserve(all.size());
  for (const auto& [place, size, count] : all) {
    Seed& seed = seeds.emplace_back(Seed{{}, count});
    for (size_t i = 0; i < size; ++i)
      append_utf8(seed.text, alphabet.characters()[suffixes.text[place + i] - size_t{1}]);
  }
  return seeds;
}

}  // namespace weft::text
