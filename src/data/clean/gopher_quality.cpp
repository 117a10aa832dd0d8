// The stage `gopher_quality`: the quality rules of Rae et al., "Scaling Language Models: Methods,
// Analysis & Insights from Training Gopher" (2021), appendix A1.1, written for English.
#include <array>

#include "data/clean/lines.h"
#include "data/clean/stage_registry.h"
#include "data/clean/word_counts.h"

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

struct LineCounts {
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

bool has_two_stop_words(std::string_view text) {
  uint32_t found = 0;
  for (size_t at = 0; at < text.size();) {
    while (at < text.size() && is_white(text[at])) ++at;
    const size_t begin = at;
    while (at < text.size() && !is_white(text[at])) ++at;
    found |= stop_word_bit(text.substr(begin, at - begin));
    if ((found & (found - 1)) != 0) return true;
  }
  return false;
}

int64_t count_of(std::string_view text, std::string_view part) {
  int64_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

int64_t symbols_of(std::string_view text) {
  return count_of(text, "#") + count_of(text, "...") + count_of(text, kEllipsis);
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
    const std::string_view why = reason(text);
    if (!why.empty()) result.drop(why);
  }

 private:
  std::string_view reason(std::string_view text) const {
    const WordCounts c = count_words(text);
    if (c.words < min_words_) return "too few words";
    if (c.words > max_words_) return "too many words";
    // In whole numbers: mean length outside [3, 10], shares above 0.1, 0.9, 0.3, below 0.8.
    if (c.characters < 3 * c.words) return "words are too short";
    if (c.characters > 10 * c.words) return "words are too long";
    if (10 * symbols_of(text) > c.words) return "too many hash signs or ellipses";
    const LineCounts lines = count_lines(text);
    if (10 * lines.bullets > 9 * lines.lines) return "too many lines begin with a bullet";
    if (10 * lines.ellipses > 3 * lines.lines) return "too many lines end with an ellipsis";
    if (10 * c.with_letter < 8 * c.words) return "too few words have a letter";
    return has_two_stop_words(text) ? "" : "too few stop words";
  }

  static LineCounts count_lines(std::string_view text) {
    LineCounts counts;
    for_each_line(text, [&](std::string_view raw) {
      const std::string_view line = trimmed(raw);
      if (line.empty()) return;
      ++counts.lines;
      counts.bullets += begins_with_bullet(line);
      counts.ellipses += line.ends_with("...") || line.ends_with(kEllipsis);
    });
    return counts;
  }

  int64_t min_words_, max_words_;
};

}  // namespace

std::unique_ptr<const Stage> make_gopher_quality(const StageConfig& config) {
  return std::make_unique<GopherQualityStage>(config.min_words.value_or(50),
                                              config.max_words.value_or(100'000));
}

}  // namespace weft::data
