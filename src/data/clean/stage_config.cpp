#include "data/clean/stage_config.h"

#include <algorithm>

namespace weft::data {

std::string_view name_of(StageKind kind) {
  switch (kind) {
    case StageKind::kUnicode: return "unicode";
    case StageKind::kCharacters: return "characters";
    case StageKind::kHtml: return "html";
    case StageKind::kRepeatedLines: return "repeated_lines";
    case StageKind::kLength: return "length";
    case StageKind::kGopherQuality: return "gopher_quality";
    case StageKind::kGopherRepetition: return "gopher_repetition";
    case StageKind::kC4: return "c4";
    case StageKind::kLanguage: return "language";
    case StageKind::kExactDuplicates: return "exact_duplicates";
    case StageKind::kNearDuplicates: return "near_duplicates";
    case StageKind::kPersonalData: return "personal_data";
    case StageKind::kDecontaminate: return "decontaminate";
  }
  return "?";
}

std::string_view name_of(UnicodeForm form) {
  switch (form) {
    case UnicodeForm::kNfc: return "nfc";
    case UnicodeForm::kNfd: return "nfd";
    case UnicodeForm::kNfkc: return "nfkc";
    case UnicodeForm::kNfkd: return "nfkd";
  }
  return "?";
}

std::vector<std::string_view> keys_of(StageKind kind) {
  switch (kind) {
    case StageKind::kUnicode: return {"form"};
    case StageKind::kCharacters: return {"joiners"};
    case StageKind::kHtml: return {"always"};
    case StageKind::kRepeatedLines: return {"most"};
    case StageKind::kLength:
      return {"min_chars", "max_chars", "min_words", "max_words", "min_lines"};
    case StageKind::kGopherQuality: return {"min_words", "max_words"};
    case StageKind::kGopherRepetition: return {};
    case StageKind::kC4: return {"bad_words"};
    case StageKind::kLanguage: return {"languages", "min_share"};
    case StageKind::kExactDuplicates: return {"memory_mb"};
    case StageKind::kNearDuplicates: return {"bands", "rows", "ngram", "memory_mb"};
    case StageKind::kPersonalData: return {"kinds"};
    case StageKind::kDecontaminate: return {"files", "text_field", "ngram"};
  }
  return {};
}

std::string_view StageConfig::written_name(std::string_view field) const {
  if (field == "stage") return field;
  const std::vector<std::string_view> keys = keys_of(stage);
  return std::find(keys.begin(), keys.end(), field) != keys.end() ? field : "";
}

void StageConfig::finish(const Tree& map, Report& report) {
  const std::vector<std::string_view> keys = keys_of(stage);
  for (const TreeEntry& entry : map.entries) {
    if (entry.key == "stage" || std::find(keys.begin(), keys.end(), entry.key) != keys.end())
      continue;
    std::string allowed;
    for (const std::string_view key : keys)
      allowed += (allowed.empty() ? "" : ", ") + std::string(key);
    report.error(entry.at, entry.key,
                 "the stage " + std::string(name_of(stage)) + " has no key `" + entry.key +
                     "`; it has " + (allowed.empty() ? "none" : allowed));
  }
  const auto needs = [&](std::string_view key, bool given) {
    if (!given)
      report.error(
          map.at, key,
          "the stage " + std::string(name_of(stage)) + " needs the key `" + std::string(key) + "`");
  };
  if (stage == StageKind::kLanguage) needs("languages", !languages.empty());
  if (stage == StageKind::kDecontaminate) needs("files", !files.empty());
}

}  // namespace weft::data
