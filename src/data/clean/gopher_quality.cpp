// The stage `gopher_quality`: the quality rules of Rae et al., "Scaling Language Models: Methods,
// Analysis & Insights from Training Gopher" (2021), appendix A1.1, written for English.
#include <array>

#include "data/clean/lines.h"
#include "data/clean/stage_registry.h"

namespace weft::data {
namespace {

// Up to four letters as a number, the first lowest.
constexpr uint32_t packed(std::string_view word) {
  uint32_t value = 0;
  for (size_t i = word.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(word[i - 1]);
  return value;
}
constexpr std::array kStopWords = {packed("the"), packed("be"),   packed("to"),   packed("of"),
                                   packed("and"), packed("that"), packed("have"), packed("with")};
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

struct Counts {
  int64_t words = 0, characters = 0, with_letter = 0, symbols = 0;
  uint32_t stop_words = 0;  // bits
  int64_t lines = 0, bullets = 0, ellipses = 0;
};

// A bit for the stop word that this is, or 0.
uint32_t stop_word_bit(std::string_view word) {
  if (word.size() < 2 || word.size() > 4) return 0;
  const uint32_t letters = packed(word) | packed(std::string_view("    ", word.size()));
  uint32_t bits = 0;
  for (size_t i = 0; i < kStopWords.size(); ++i)
    bits |= static_cast<uint32_t>(letters == kStopWords[i]) << i;
  return bits;
}

int64_t symbols_of(std::string_view word) {
  int64_t count = 0;
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '#') ++count;
    else if (word[i] == '.' && word.substr(i, 3) == "...") ++count, i += 2;
    else if (word[i] == kEllipsis[0] && word.substr(i, 3) == kEllipsis) ++count, i += 2;
  }
  return count;
}

// What a byte is: bits.
enum : uint8_t { kLetterByte = 1, kContinuationByte = 2, kSymbolByte = 4 };
constexpr std::array<uint8_t, 256> kBytes = [] {
  std::array<uint8_t, 256> table{};
  for (size_t c = 0; c < 256; ++c) {
    const bool ascii_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    table[c] = ascii_letter || c >= 0x80 ? kLetterByte : 0;
    if (c >= 0x80 && c < 0xC0) table[c] |= kContinuationByte;
    if (c == '#' || c == '.' || c == 0xE2) table[c] |= kSymbolByte;
  }
  return table;
}();

void count_word(std::string_view word, Counts& counts) {
  ++counts.words;
  uint8_t kinds = 0;
  int64_t continuations = 0;
  for (const char c : word) {
    const uint8_t kind = kBytes[static_cast<uint8_t>(c)];
    kinds |= kind;
    continuations += (kind & kContinuationByte) >> 1;
  }
  counts.characters += static_cast<int64_t>(word.size()) - continuations;
  counts.with_letter += kinds & kLetterByte;
  if ((kinds & kSymbolByte) != 0) counts.symbols += symbols_of(word);
  counts.stop_words |= stop_word_bit(word);
}

bool begins_with_bullet(std::string_view line) {
  if (line.front() != '-' && line.front() != '*' && line.front() != '\xE2') return false;
  for (const std::string_view bullet :
       {"-", "*", "\xE2\x80\xA2", "\xE2\x80\xA3", "\xE2\x96\xB6", "\xE2\x97\x8F", "\xE2\x96\xAA"})
    if (line.starts_with(bullet)) return true;
  return false;
}

class GopherQualityStage final : public Stage {
 public:
  GopherQualityStage(int64_t min_words, int64_t max_words)
      : min_words_(min_words), max_words_(max_words) {}

  void apply(std::string_view text, std::string&, StageResult& result) const override {
    Counts counts;
    for_each_line(text, [&](std::string_view raw) {
      const std::string_view line = trimmed(raw);
      if (line.empty()) return;
      ++counts.lines;
      counts.bullets += begins_with_bullet(line);
      counts.ellipses += line.ends_with("...") || line.ends_with(kEllipsis);
      for_each_spaced_word(line, [&](std::string_view word) { count_word(word, counts); });
    });
    const std::string_view why = reason(counts);
    if (!why.empty()) result.drop(why);
  }

 private:
  std::string_view reason(const Counts& c) const {
    if (c.words < min_words_) return "too few words";
    if (c.words > max_words_) return "too many words";
    // In whole numbers: mean length outside [3, 10], shares above 0.1, 0.9, 0.3, below 0.8.
    if (c.characters < 3 * c.words) return "words are too short";
    if (c.characters > 10 * c.words) return "words are too long";
    if (10 * c.symbols > c.words) return "too many hash signs or ellipses";
    if (10 * c.bullets > 9 * c.lines) return "too many lines begin with a bullet";
    if (10 * c.ellipses > 3 * c.lines) return "too many lines end with an ellipsis";
    if (10 * c.with_letter < 8 * c.words) return "too few words have a letter";
    if ((c.stop_words & (c.stop_words - 1)) == 0) return "too few stop words";
    return "";
  }

  int64_t min_words_, max_words_;
};

}  // namespace

std::unique_ptr<const Stage> make_gopher_quality(const StageConfig& config) {
  return std::make_unique<GopherQualityStage>(config.min_words.value_or(50),
                                              config.max_words.value_or(100'000));
}

}  // namespace weft::data
