#include "config/document.h"

#include <array>

#include "core/tree/describe_field.h"
#include "core/tree/scalars.h"

namespace weft::config {
namespace {

std::string code(std::string_view text) {
  return "`" + std::string(text) + "`";
}

std::string type_text(FieldKind kind, const SchemaField& field) {
  if (kind == FieldKind::kMap) return "keys";
  if (!field.words.empty()) {
    std::string text;
    for (const std::string_view word : field.words) text += (text.empty() ? "" : ", ") + code(word);
    return text;
  }
  if (kind == FieldKind::kBoolean) return "`true`, `false`";
  std::string text(kind_text(kind).substr(kind_text(kind).find(' ') + 1));
  return kind == FieldKind::kText ? "text" : text;
}

std::string allowed_text(const SchemaField& field) {
  const bool is_list = field.kind == FieldKind::kList;
  std::string text = type_text(is_list ? field.item_kind : field.kind, field);
  if (is_list) text = "list of " + text;
  if (is_list && field.info.one_or_more) text += ", or one";
  if (!field.info.unset_word.empty()) text = code(field.info.unset_word) + " or " + text;
  const std::string range = range_text(field.info);
  if (!range.empty()) text += ", " + range;
  if (!field.info.unit.empty()) text += " (" + std::string(field.info.unit) + ")";
  return text;
}

std::string default_text(const SchemaField& field) {
  if (field.info.required) return "required";
  const Tree& value = field.default_value;
  double number = 0;
  std::string ignored;
  const bool is_derived = read_real(value.text, number, ignored) && number < field.info.min;
  if (is_derived) return "derived";
  if (value.is_scalar()) return value.text.empty() ? "unset" : code(value.text);
  if (!value.is_list()) return value.is_map() ? "" : "unset";
  std::string text;
  for (const Tree& item : value.items) text += (text.empty() ? "" : ", ") + item.text;
  return code("[" + text + "]");
}

std::string meaning_text(const SchemaField& field) {
  std::string text(field.info.help);
  const auto names = [&](std::string_view words, std::string_view what) {
    std::string list;
    for (const std::string_view word : split_words(words))
      list += (list.empty() ? "" : ", ") + code(word);
    if (!list.empty()) text += ". " + std::string(what) + list;
  };
  names(field.info.synonyms, "Also ");
  names(field.info.aliases, "Alias ");
  const auto unit = std::string_view("tue").find(field.info.count_unit);
  constexpr std::array kCounts{"10Gt", "100Ku", "5e"};
  if (field.info.count_unit != 0) text += ". Also a count: " + code(kCounts.at(unit));
  if (field.info.may_change) text += " ↻";
  return text;
}

}  // namespace

std::string document(const Schema& schema, std::string_view title) {
  std::string text =
      "## " + std::string(title) + "\n\n| key | allowed | default | meaning |\n|---|---|---|---|\n";
  std::string nested;
  for (const SchemaField& field : schema.fields) {
    text += "| " + code(field.name) + " | " + allowed_text(field) + " | " + default_text(field) +
            " | " + meaning_text(field) + " |\n";
    if (field.nested != nullptr)
      nested += "\n" + document(*field.nested, "Keys of `" + field.name + "`");
  }
  return text + nested;
}

}  // namespace weft::config
