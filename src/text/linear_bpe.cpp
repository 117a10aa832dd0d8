// Tokens by their neighbours (linear_bpe.h).
#include "text/linear_bpe.h"

#include <algorithm>

#include "weft/error.h"

namespace weft::text {
namespace {

// Steps, which are pairs looked up and tokens tried, that a part of a word may take.
constexpr size_t kStepsOfPart = 256;
constexpr size_t kStepsOfByte = 16;

size_t shared_prefix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

// Finds out of what each token is made.
class LinearBpe::Builder {
 public:
  Builder(LinearBpe& out, const MergeTable& merges, const std::array<int32_t, 256>& symbols)
      : out_(out), begins_(out.tokens_.size()) {
    out_.merges_ = &merges;
    for (size_t byte = 0; byte < symbols.size(); ++byte) {
      begins_[static_cast<size_t>(symbols[byte])] = bytes_.size();
      bytes_ += static_cast<char>(byte);
      token(symbols[byte]) = {.order = 0, .size = 1};
    }
  }

  // Whether the vocabulary is of the right kind.
  bool build(std::span<const Rule> rules) {
    for (size_t rank = 0; rank < rules.size(); ++rank) make(rules[rank], rank);
    const bool comes_too_early = !std::ranges::all_of(rules, [&,
                                                              rank = 0U](const Rule& rule) mutable {
      const uint32_t left = token(rule.left).order, right = token(rule.right).order, at = rank++;
      return left == Token::kNeverMade || right == Token::kNeverMade || std::max(left, right) <= at;
    });
    return !comes_too_early && make_trie();
  }

 private:
  Token& token(int32_t id) { return out_.tokens_[static_cast<size_t>(id)]; }
  std::string_view bytes_of(int32_t id) {
    return std::string_view(bytes_).substr(begins_[static_cast<size_t>(id)], token(id).size);
  }

  // Rules come by rank, so that what makes its two tokens is known.
  void make(const Rule& rule, size_t rank) {
    const Token &left = token(rule.left), &right = token(rule.right);
    Token& whole = token(rule.whole);
    size_t steps = 0;
    const bool is_news = left.order != Token::kNeverMade && right.order != Token::kNeverMade &&
                         whole.order == Token::kNeverMade;
    if (!is_news || !out_.stay_apart(rule.left, rule.right, steps)) return;
    whole = {.left = rule.left,
             .right = rule.right,
             .order = static_cast<uint32_t>(rank) + 1,
             .size = left.size + right.size};
    begins_[static_cast<size_t>(rule.whole)] = bytes_.size();
    const char last = bytes_of(rule.left).back(), first = bytes_of(rule.right).front();
    out_.is_inside_.set(pair_of(last, first));
    bytes_.reserve(bytes_.size() + whole.size);
    bytes_ += bytes_of(rule.left);
    bytes_ += bytes_of(rule.right);
  }

  // By their bytes; the first eight of them, as a number, decide most of the order.
  std::vector<DoubleArray::Entry> sorted_tokens() {
    struct Ordered {
      uint64_t head;
      DoubleArray::Entry entry;
    };
    std::vector<Ordered> tokens;
    for (size_t i = 0; i < out_.tokens_.size(); ++i) {
      const auto id = static_cast<int32_t>(i);
      if (!out_.makes(id)) continue;
      uint64_t head = 0;
      for (const char byte : bytes_of(id).substr(0, 8))
        head = head << 8 | static_cast<uint8_t>(byte);
      const size_t left = 8 - std::min<size_t>(8, bytes_of(id).size());
      tokens.push_back({head << 8 * left, {bytes_of(id), id}});
    }
    std::ranges::sort(tokens, [](const Ordered& a, const Ordered& b) {
      return a.head != b.head ? a.head < b.head : a.entry.text < b.entry.text;
    });
    std::vector<DoubleArray::Entry> entries;
    for (const Ordered& token : tokens) entries.push_back(token.entry);
    return entries;
  }

  bool make_trie() {
    const std::vector<DoubleArray::Entry> entries = sorted_tokens();
    size_t nodes = 1;
    std::vector<int32_t> around;  // tokens that the last one begins with, and itself
    std::string_view before;
    for (const auto& [text, id] : entries) {
      nodes += text.size() - shared_prefix(before, text);
      while (!around.empty() && !text.starts_with(bytes_of(around.back()))) around.pop_back();
      if (!around.empty()) token(id).shorter = around.back();
      around.push_back(id);
      before = text;
    }
    if (nodes > kMaxNodes) return false;
    out_.trie_ = DoubleArray(entries);
    return true;
  }

  LinearBpe& out_;
  std::string bytes_;  // of all tokens that are made
  std::vector<size_t> begins_;
};

LinearBpe::LinearBpe(std::span<const Rule> rules, const MergeTable& merges,
                     const std::array<int32_t, 256>& symbol_of_byte, size_t ids) {
  if (std::ranges::any_of(symbol_of_byte, [](int32_t id) { return id < 0; })) return;
  tokens_.resize(ids);
  symbol_of_byte_ = symbol_of_byte;
  if (!Builder(*this, merges, symbol_of_byte).build(rules)) *this = LinearBpe();
}

// Whether no merge reaches over the place between two tokens while each of them comes to be. Goes
// back in time: of both, what was made last is taken apart, and the pair that then meets there must
// not have come first. Of equal merges the leftmost happens first.
bool LinearBpe::stay_apart(int32_t left, int32_t right, size_t& steps) const {
  for (;; ++steps) {
    const Token &a = token(left), &b = token(right);
    const bool of_left = a.order > b.order;
    const uint32_t order = of_left ? a.order : b.order;
    if (order == 0) return true;
    (of_left ? left : right) = of_left ? a.right : b.left;
    const uint32_t rank = merges_->find(left, right).rank;
    if (of_left ? rank < order - 1 : rank <= order - 1) return false;
  }
}

int32_t LinearBpe::longest_at(std::string_view text, size_t at) const {
  int32_t longest = -1;
  uint32_t node = DoubleArray::kRoot;
  while (at < text.size()) {
    node = trie_.child(node, text[at++]);
    if (node == DoubleArray::kNone) break;
    const int32_t id = trie_.value(node);
    longest = id < 0 ? longest : id;
  }
  return longest;
}

// Whether `next`, which begins at part[at], may stand behind the token `before`.
bool LinearBpe::may_follow(std::string_view part, size_t at, int32_t before, int32_t next,
                           size_t& steps) const {
  ++steps;
  if (at == 0 || !is_inside_[pair_of(part[at - 1], part[at])]) return true;
  return merges_->find(before, next).rank == Merge::kNone && stay_apart(before, next, steps);
}

// Nothing may stand at the place: goes back to the token before and what may stand instead of it.
void LinearBpe::take_back(size_t part_size, Place& place, ModelScratch& scratch) const {
  if (scratch.dead_ends.empty()) scratch.dead_ends.resize(part_size + 1);
  scratch.dead_ends[place.at] = true;
  const Token& last = token(scratch.ids.back());
  scratch.ids.pop_back();
  place.at -= last.size;
  place.id = last.shorter;
}

// A part of a word within which each two bytes are inside of some token. There is one way only to
// each place that has a way, so that a place from which none leads on is tried once.
bool LinearBpe::append_part(std::string_view part, ModelScratch& scratch) const {
  std::vector<int32_t>& ids = scratch.ids;
  const size_t before = ids.size(), most_steps = kStepsOfPart + kStepsOfByte * part.size();
  size_t steps = 0;
  scratch.dead_ends.clear();
  const auto fits = [&](const Place& place) {
    const size_t end = place.at + token(place.id).size;
    if (!scratch.dead_ends.empty() && scratch.dead_ends[end]) return false;
    return may_follow(part, place.at, place.at == 0 ? -1 : ids.back(), place.id, steps);
  };
  for (Place place{0, longest_at(part, 0)}; place.at < part.size();) {
    if (steps > most_steps) {
      ids.resize(before);
      return false;
    }
    if (place.id < 0) {
      WEFT_ASSERT(ids.size() > before);
      take_back(part.size(), place, scratch);
    } else if (fits(place)) {
      ids.push_back(place.id);
      place.at += token(place.id).size;
      place.id = longest_at(part, place.at);
    } else {
      place.id = token(place.id).shorter;
    }
  }
  return true;
}

bool LinearBpe::append_ids(std::string_view word, ModelScratch& scratch) const {
  const size_t before = scratch.ids.size();
  for (size_t begin = 0, end = 0; begin < word.size(); begin = end) {
    end = begin + 1;
    while (end < word.size() && is_inside_[pair_of(word[end - 1], word[end])]) ++end;
    if (end == begin + 1) {
      scratch.ids.push_back(symbol_of_byte_[static_cast<uint8_t>(word[begin])]);
    } else if (!append_part(word.substr(begin, end - begin), scratch)) {
      scratch.ids.resize(before);
      return false;
    }
  }
  return true;
}

}  // namespace weft::text
