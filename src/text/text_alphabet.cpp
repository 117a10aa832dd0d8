// Which characters are worth a token (text_alphabet.h).
#include "text/text_alphabet.h"

#include <algorithm>
#include <string>

#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr uint32_t kSpaceMark = 0x2581;

struct Character {
  uint32_t code;
  int64_t count;
};

// The most frequent first.
std::vector<Character> characters_of(const WordCounts& words) {
  std::unordered_map<uint32_t, int64_t> counts;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words.word(i);
    for (size_t at = 0; at < word.size();) {
      const Utf8Char c = utf8_at(word, at);
      if (c.code != kInvalidByte) counts[c.code] += words.count(i);
      at += c.size;
    }
  }
  std::vector<Character> result;
  for (const auto& [code, count] : counts) result.push_back({code, count});
  std::ranges::sort(result, [](const Character& a, const Character& b) {
    return a.count != b.count ? a.count > b.count : a.code < b.code;
  });
  return result;
}

}  // namespace

TextAlphabet::TextAlphabet(const WordCounts& words, double coverage, std::string_view always) {
  if (!(coverage > 0 && coverage <= 1))
    throw Error("character_coverage is " + std::to_string(coverage) +
                "; it must be above 0 and at most 1");
  if (words.size() == 0) throw Error("the corpus to train a tokenizer on has no text");
  const std::vector<Character> found = characters_of(words);
  int64_t total = 0, covered = 0;
  for (const Character& c : found) total += c.count;
  for (const Character& c : found) {
    const bool enough = static_cast<double>(covered) >= coverage * static_cast<double>(total);
    const bool must = c.code == kSpaceMark ||
                      (c.code < 0x80 && always.find(static_cast<char>(c.code)) != always.npos);
    if (enough && !must) {
      left_out_ += c.count;
      continue;
    }
    covered += c.count;
    characters_.push_back(c.code);
  }
  for (const char c : always) {
    const auto code = static_cast<uint32_t>(c);
    if (std::ranges::find(characters_, code) == characters_.end()) characters_.push_back(code);
  }
  std::ranges::sort(characters_);
  for (size_t i = 0; i < characters_.size(); ++i)
    index_.emplace(characters_[i], static_cast<int32_t>(i));
}

}  // namespace weft::text
