// A visited struct as data: names, kinds, limits, defaults and nested structs of its fields, for
// code that handles any config: resolving aliases, documentation, comparing two configs.
#pragma once

#include <memory>

#include "core/tree/fields.h"
#include "core/tree/write.h"

namespace weft {

struct Schema;

struct SchemaField {
  std::string name;
  FieldInfo info;
  FieldKind kind = FieldKind::kText;
  FieldKind item_kind = FieldKind::kText;  // of a list's elements
  bool is_optional = false;
  Tree default_value;                    // null: unset
  std::vector<std::string_view> words;   // allowed words, of a choice or of FieldInfo::choices
  std::shared_ptr<const Schema> nested;  // of a map, or of a list's elements
};

struct Schema {
  std::vector<SchemaField> fields;
  void (*accept)(Tree& layer, Report& report) = nullptr;

  // The field of this name, synonym or alias, or null.
  const SchemaField* find(std::string_view key) const;
  const SchemaField* find_exact(std::string_view key) const;
  std::vector<std::string_view> names() const;
};

template <class T>
Schema schema_of();

namespace detail {

template <class T>
void describe_kind(SchemaField& field) {
  if constexpr (IsOptional<T>::value) {
    field.is_optional = true;
    describe_kind<typename T::value_type>(field);
  } else if constexpr (IsVector<T>::value) {
    field.item_kind = kind_of_field<typename T::value_type>();
    describe_kind<typename T::value_type>(field);
  } else if constexpr (std::is_enum_v<T>) {
    field.words = words_of<T>();
  } else if constexpr (VisitedStruct<T>) {
    field.nested = std::make_shared<const Schema>(schema_of<T>());
  }
}

}  // namespace detail

template <class T>
Schema schema_of() {
  Schema schema;
  if constexpr (HasAccept<T>) schema.accept = &T::accept;
  T defaults{};
  defaults.visit([&]<class F>(std::string_view name, F& value, const FieldInfo& info = {}) {
    SchemaField field;
    field.name = name;
    field.info = info;
    field.kind = kind_of_field<F>();
    field.words = split_words(info.choices);
    field.default_value = value_to_tree(value, info);
    detail::describe_kind<F>(field);
    schema.fields.push_back(std::move(field));
  });
  return schema;
}

// Gives every key its field's own name, through nested maps and lists; notes aliases and refuses
// two names of one field in one layer. Unknown keys stay, for the binder to refuse.
void resolve_names(Tree& layer, const Schema& schema, Report& report);

}  // namespace weft
