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
    case StageKind::kMissing: return "missing";
    case StageKind::kNormalize: return "normalize";
    case StageKind::kOneHot: return "one_hot";
  }
  return "?";
}

bool is_of_tables(StageKind kind) {
  return kind == StageKind::kMissing || kind == StageKind::kNormalize || kind == StageKind::kOneHot;
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

std::string_view name_of(TableMethod method) {
  switch (method) {
    case TableMethod::kDrop: return "drop";
    case TableMethod::kMean: return "mean";
    case TableMethod::kMedian: return "median";
    case TableMethod::kConstant: return "constant";
    case TableMethod::kZScore: return "z_score";
    case TableMethod::kMinMax: return "min_max";
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
    case StageKind::kMissing: return {"columns", "method", "value", "markers"};
    case StageKind::kNormalize: return {"columns", "method"};
    case StageKind::kOneHot: return {"columns", "most"};
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
  if (is_of_tables(stage)) needs("columns", !columns.empty());
  if (stage == StageKind::kMissing) needs("method", method.has_value());
  if (method == TableMethod::kConstant) needs("value", value.has_value());
  const bool scales = method == TableMethod::kZScore || method == TableMethod::kMinMax;
  if (method && scales != (stage == StageKind::kNormalize))
    report.error(map.at, "method",
                 "the stage " + std::string(name_of(stage)) + " has no method " +
                     std::string(name_of(*method)) + "; it has " +
                     (stage == StageKind::kNormalize ? "z_score and min_max"
                                                     : "drop, mean, median and constant"));
  if (value && method != TableMethod::kConstant)
    report.error(map.at, "value", "`value` belongs to `method: constant`; leave it out");
}

}  // namespace weft::data
