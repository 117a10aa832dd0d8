// How a stage of cleaning is configured: its name and its keys. One struct for all stages, so that
// a list of them is a plain list of maps; keys that a stage does not have are refused.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tree/report.h"
#include "core/tree/tree.h"
#include "weft/visit.h"

namespace weft::data {

enum class StageKind {
  kUnicode,
  kCharacters,
  kHtml,
  kRepeatedLines,
  kLength,
  kGopherQuality,
  kGopherRepetition,
  kC4,
  kLanguage,
  kExactDuplicates,
  kNearDuplicates,
  kPersonalData,
  kDecontaminate,
  kMissing,
  kNormalize,
  kOneHot,
};
inline constexpr std::array kStageKinds = {StageKind::kUnicode,
                                           StageKind::kCharacters,
                                           StageKind::kHtml,
                                           StageKind::kRepeatedLines,
                                           StageKind::kLength,
                                           StageKind::kGopherQuality,
                                           StageKind::kGopherRepetition,
                                           StageKind::kC4,
                                           StageKind::kLanguage,
                                           StageKind::kExactDuplicates,
                                           StageKind::kNearDuplicates,
                                           StageKind::kPersonalData,
                                           StageKind::kDecontaminate,
                                           StageKind::kMissing,
                                           StageKind::kNormalize,
                                           StageKind::kOneHot};
std::string_view name_of(StageKind kind);
// It works on the columns of a row (table_stages.h), not on its text.
bool is_of_tables(StageKind kind);
inline constexpr const auto& values_of(StageKind) {
  return kStageKinds;
}

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };
inline constexpr std::array kUnicodeForms = {UnicodeForm::kNfc, UnicodeForm::kNfd,
                                             UnicodeForm::kNfkc, UnicodeForm::kNfkd};
std::string_view name_of(UnicodeForm form);
inline constexpr const auto& values_of(UnicodeForm) {
  return kUnicodeForms;
}

// How the stages of tables do what they do.
enum class TableMethod { kDrop, kMean, kMedian, kConstant, kZScore, kMinMax };
inline constexpr std::array kTableMethods = {TableMethod::kDrop,   TableMethod::kMean,
                                             TableMethod::kMedian, TableMethod::kConstant,
                                             TableMethod::kZScore, TableMethod::kMinMax};
std::string_view name_of(TableMethod method);
inline constexpr const auto& values_of(TableMethod) {
  return kTableMethods;
}

struct StageConfig {
  StageKind stage = StageKind::kUnicode;
  // Unset keys mean what the stage's documentation says.
  std::optional<UnicodeForm> form;
  std::optional<bool> joiners;
  std::optional<bool> always;
  std::optional<int64_t> min_chars, max_chars, min_words, max_words, min_lines;
  std::optional<int64_t> most;
  std::optional<std::string> bad_words;
  std::vector<std::string> languages;
  std::optional<double> min_share;
  std::optional<int64_t> bands, rows, ngram;
  std::optional<int64_t> memory_mb;
  std::vector<std::string> kinds;
  std::vector<std::string> files;
  std::optional<std::string> text_field;
  std::vector<std::string> columns;
  std::optional<TableMethod> method;
  std::optional<std::string> value;
  std::vector<std::string> markers;

  template <class Visitor>
  void visit(Visitor&& v);
  // Refuses keys that the stage does not have, and asks for those that it needs.
  void finish(const Tree& map, Report& report);
  // The stage's own keys only.
  std::string_view written_name(std::string_view field) const;
};

// The keys of a stage besides `stage`, for its documentation.
std::vector<std::string_view> keys_of(StageKind kind);

template <class Visitor>
void StageConfig::visit(Visitor&& v) {
  v("stage", stage,
    {.help = "what is done; the stages are told in docs/data.md", .required = true});
  v("form", form, {.help = "unicode: the normalization form. Unset: nfc"});
  v("joiners", joiners, {.help = "characters: also remove zero-width joiners. Unset: false"});
  v("always", always, {.help = "html: also texts that do not look like HTML. Unset: false"});
  v("min_chars", min_chars, {.help = "length: fewer characters are too few", .min = 0});
  v("max_chars", max_chars, {.help = "length: more characters are too many", .min = 1});
  v("min_words", min_words, {.help = "length, gopher_quality: fewer words are too few", .min = 0});
  v("max_words", max_words, {.help = "length, gopher_quality: more words are too many", .min = 1});
  v("min_lines", min_lines, {.help = "length: fewer lines are too few", .min = 0});
  v("most", most,
    {.help =
         "repeated_lines: how often a line may stand in a document, unset: 1. one_hot: different "
         "values of a column, unset: 256",
     .min = 1,
     .max = 65536});
  v("bad_words", bad_words,
    {.help = "c4: a file with words, one a line; texts that have one are left out"});
  v("languages", languages,
    {.help = "language: those that are kept, as ISO 639 codes", .one_or_more = true});
  v("min_share", min_share,
    {.help = "language: the share of the text that must be in one of them. Unset: 0.5",
     .min = 0,
     .max = 1});
  v("bands", bands,
    {.help = "near_duplicates: bands of the signature. Unset: 20", .min = 1, .max = 64});
  v("rows", rows, {.help = "near_duplicates: rows of a band. Unset: 8", .min = 1, .max = 16});
  v("ngram", ngram,
    {.help = "near_duplicates: words of a shingle, unset: 5. decontaminate: words of an overlap, "
             "unset: 13",
     .min = 1,
     .max = 64});
  v("memory_mb", memory_mb,
    {.help = "exact_duplicates, near_duplicates: more memory than this is an error. Unset: 512",
     .min = 1,
     .max = 1 << 20,
     .unit = "MiB"});
  v("kinds", kinds,
    {.help = "personal_data: what is masked. Unset: all",
     .choices = "email phone card cn_id ip",
     .one_or_more = true});
  v("files", files, {.help = "decontaminate: the evaluation files", .one_or_more = true});
  v("text_field", text_field,
    {.help = "decontaminate: the field of the evaluation files that holds text. Unset: text"});
  v("columns", columns,
    {.help = "missing, normalize, one_hot: columns of tables, or fields of JSON objects",
     .one_or_more = true});
  v("method", method,
    {.help = "missing: drop, mean, median or constant. normalize: z_score (unset) or min_max"});
  v("value", value, {.help = "missing: what stands in the place of a missing value"});
  v("markers", markers,
    {.help = "missing: what also stands for a missing value, besides nothing, NA, N/A, NaN, null "
             "and None",
     .one_or_more = true});
}

}  // namespace weft::data
