// The stage `language`, by CLD2 (Debian's libcld2). The only file that sees it.
// clang-format off
#include <cstdio>  // CLD2's header names FILE and does not include it
#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>
// clang-format on

#include <algorithm>

#include "data/clean/stage_registry.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::data {
namespace {

// Longer texts are judged by this much of their middle: a share of a text is much like the whole.
constexpr size_t kMostBytes = 640;
// A glance is taken first: at so many places, as far from each other as from the ends, so many
// bytes. CLD2 takes 40 ns a byte, and most texts are of one language only.
constexpr size_t kGlances = 3;
constexpr size_t kGlanceBytes = 64;
constexpr size_t kLeastForGlances = 2 * kGlances * kGlanceBytes;
constexpr int kSurePercent = 95;

// `size` bytes from `begin` on, less at an end that lies within a character.
std::string_view piece_of(std::string_view text, size_t begin, size_t size) {
  while (begin < text.size() && text::is_continuation(text[begin])) ++begin;
  size_t end = std::min(begin + size, text.size());
  while (end > begin && end < text.size() && text::is_continuation(text[end])) --end;
  return text.substr(begin, end - begin);
}

std::string_view middle_of(std::string_view text) {
  if (text.size() <= kMostBytes) return text;
  return piece_of(text, (text.size() - kMostBytes) / 2, kMostBytes);
}

// The glances, end to end.
std::string_view glances_of(std::string_view text) {
  thread_local std::string glances;
  glances.clear();
  for (size_t i = 1; i <= kGlances; ++i) {
    const size_t middle = i * text.size() / (kGlances + 1);
    glances += piece_of(text, middle - kGlanceBytes / 2, kGlanceBytes);
    glances += ' ';
  }
  return glances;
}

struct Verdict {
  CLD2::Language languages[3] = {CLD2::UNKNOWN_LANGUAGE, CLD2::UNKNOWN_LANGUAGE,
                                 CLD2::UNKNOWN_LANGUAGE};
  int percents[3] = {0, 0, 0};
  bool is_reliable = false;
};

Verdict verdict_on(std::string_view text) {
  Verdict verdict;
  int text_bytes = 0;
  CLD2::DetectLanguageSummary(text.data(), static_cast<int>(text.size()), true, verdict.languages,
                              verdict.percents, &text_bytes, &verdict.is_reliable);
  return verdict;
}

class LanguageStage final : public Stage {
 public:
  LanguageStage(std::vector<std::string> languages, double min_share)
      : languages_(std::move(languages)), min_percent_(100 * min_share) {}

  void apply(std::string_view text, std::string&, StageResult& result) const override {
    if (text.size() >= kLeastForGlances && is_surely_wanted(verdict_on(glances_of(text)))) return;
    const Verdict verdict = verdict_on(middle_of(text));
    const int wanted = wanted_percent(verdict);
    if (wanted >= min_percent_ && wanted > 0) return;
    const CLD2::Language most = verdict.languages[0];
    result.drop(most == CLD2::UNKNOWN_LANGUAGE ? "no language was recognised"
                                               : CLD2::LanguageName(most));
  }

 private:
  // It stays whatever the middle is.
  bool is_surely_wanted(const Verdict& verdict) const {
    return verdict.is_reliable &&
           wanted_percent(verdict) >= std::max<double>(kSurePercent, min_percent_);
  }

  int wanted_percent(const Verdict& verdict) const {
    int percent = 0;
    for (int i = 0; i < 3; ++i)
      if (is_wanted(CLD2::LanguageCode(verdict.languages[i]))) percent += verdict.percents[i];
    return percent;
  }

  // "zh" is Chinese in either script.
  bool is_wanted(std::string_view code) const {
    return std::any_of(languages_.begin(), languages_.end(), [&](const std::string& language) {
      return code == language || (code.starts_with(language) && code[language.size()] == '-');
    });
  }

  std::vector<std::string> languages_;
  double min_percent_;
};

}  // namespace

std::unique_ptr<const Stage> make_language(const StageConfig& config) {
  for (const std::string& language : config.languages)
    if (CLD2::GetLanguageFromName(language.c_str()) == CLD2::UNKNOWN_LANGUAGE)
      throw Error("stage language: '" + language +
                  "' is no language that CLD2 knows; give ISO 639 codes such as en, de, zh");
  return std::make_unique<LanguageStage>(config.languages, config.min_share.value_or(0.5));
}

}  // namespace weft::data
