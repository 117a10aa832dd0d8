#include "core/tree/schema.h"

#include <algorithm>

#include "core/quote.h"

namespace weft {
namespace {

bool has_word(std::string_view words, std::string_view word) {
  const std::vector<std::string_view> list = split_words(words);
  return std::find(list.begin(), list.end(), word) != list.end();
}

// `model: gpt2-folder` is an alias of base_model, `model: {...}` is not.
bool is_own_field(const Schema& schema, const TreeEntry& entry) {
  const SchemaField* field = schema.find_exact(entry.key);
  if (field == nullptr) return false;
  if (field->kind != FieldKind::kMap || !entry.value.is_scalar()) return true;
  return std::none_of(schema.fields.begin(), schema.fields.end(), [&](const SchemaField& other) {
    return has_word(other.info.aliases, entry.key);
  });
}

const SchemaField* alias_field(const Schema& schema, std::string_view key) {
  for (const SchemaField& field : schema.fields)
    if (has_word(field.info.aliases, key) || has_word(field.info.synonyms, key)) return &field;
  return nullptr;
}

void resolve_entry(Tree& layer, TreeEntry& entry, const Schema& schema, Report& report) {
  if (is_own_field(schema, entry)) return;
  const SchemaField* field = alias_field(schema, entry.key);
  if (field == nullptr) return;
  if (const TreeEntry* other = layer.entry(field->name); other != nullptr && other != &entry) {
    report.error(entry.at, "",
                 quote(entry.written) + " and " + quote(other->written) + " (" +
                     other->at.to_string() + ") are two names of one key; keep one of them");
  } else if (has_word(field->info.aliases, entry.key)) {
    report.note(entry.at, "", quote(entry.key) + " is read as " + quote(field->name));
  }
  entry.key = field->name;
}

void resolve_value(Tree& value, const SchemaField& field, Report& report) {
  if (field.nested == nullptr) return;
  if (field.kind == FieldKind::kMap && value.is_map()) resolve_names(value, *field.nested, report);
  if (field.kind != FieldKind::kList) return;
  if (value.is_map() && !value.by_index) resolve_names(value, *field.nested, report);
  for (Tree& item : value.items)
    if (item.is_map()) resolve_names(item, *field.nested, report);
  if (!value.by_index) return;
  for (TreeEntry& item : value.entries)
    if (item.value.is_map()) resolve_names(item.value, *field.nested, report);
}

}  // namespace

const SchemaField* Schema::find_exact(std::string_view key) const {
  const auto it = std::find_if(fields.begin(), fields.end(),
                               [&](const SchemaField& field) { return field.name == key; });
  return it == fields.end() ? nullptr : &*it;
}

const SchemaField* Schema::find(std::string_view key) const {
  const SchemaField* exact = find_exact(key);
  return exact != nullptr ? exact : alias_field(*this, key);
}

std::vector<std::string_view> Schema::names() const {
  std::vector<std::string_view> result;
  for (const SchemaField& field : fields) result.push_back(field.name);
  return result;
}

void resolve_names(Tree& layer, const Schema& schema, Report& report) {
  if (schema.accept != nullptr) schema.accept(layer, report);
  for (TreeEntry& entry : layer.entries) resolve_entry(layer, entry, schema, report);
  for (TreeEntry& entry : layer.entries)
    if (const SchemaField* field = schema.find_exact(entry.key))
      resolve_value(entry.value, *field, report);
}

}  // namespace weft
