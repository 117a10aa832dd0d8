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

std::string_view sample_of(std::string_view text) {
  if (text.size() <= kMostBytes) return text;
  size_t begin = (text.size() - kMostBytes) / 2;
  while (begin < text.size() && text::is_continuation(text[begin])) ++begin;
  size_t end = std::min(begin + kMostBytes, text.size());
  while (end > begin && end < text.size() && text::is_continuation(text[end])) --end;
  return text.substr(begin, end - begin);
}

class LanguageStage final : public Stage {
 public:
  LanguageStage(std::vector<std::string> languages, double min_share)
      : languages_(std::move(languages)), min_percent_(100 * min_share) {}

  void apply(std::string_view text, std::string&, StageResult& result) const override {
    const std::string_view sample = sample_of(text);
    CLD2::Language found[3] = {CLD2::UNKNOWN_LANGUAGE, CLD2::UNKNOWN_LANGUAGE,
                               CLD2::UNKNOWN_LANGUAGE};
    int percent[3] = {0, 0, 0};
    int text_bytes = 0;
    bool reliable = false;
    CLD2::DetectLanguageSummary(sample.data(), static_cast<int>(sample.size()), true, found,
                                percent, &text_bytes, &reliable);
    int wanted = 0;
    for (int i = 0; i < 3; ++i)
      if (is_wanted(CLD2::LanguageCode(found[i]))) wanted += percent[i];
    if (wanted >= min_percent_ && wanted > 0) return;
    result.drop(found[0] == CLD2::UNKNOWN_LANGUAGE ? "no language was recognised"
                                                   : CLD2::LanguageName(found[0]));
  }

 private:
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
