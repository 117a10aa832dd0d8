// From a tree to a typed struct, strictly: unknown keys, wrong types, values out of range and
// missing keys are errors with position, what was given, what is allowed and the nearest known key.
// Names are those of the fields: resolve_names (core/tree/schema.h) comes before.
#pragma once

#include <cmath>
#include <limits>

#include "core/tree/fields.h"

namespace weft {

// What a reader of one value needs besides the value.
struct FieldContext {
  const FieldInfo& info;
  std::string path;  // "datasets.0.weight"
  Report& report;
};

void bind_boolean(const Tree& tree, bool& out, const FieldContext& field);
void bind_integer(const Tree& tree, int64_t& out, const FieldContext& field);
void bind_real(const Tree& tree, double& out, const FieldContext& field);
void bind_text(const Tree& tree, std::string& out, const FieldContext& field);
// The index of the word that `tree` is, or -1.
int bind_choice(const Tree& tree, const std::vector<std::string_view>& words,
                const FieldContext& field);
// True if the value says "unset": null, or the field's word for it.
bool says_unset(const Tree& tree, const FieldInfo& info);
// False, with an error, unless `tree` is a list or, where the field allows it, a single value.
bool expect_list(const Tree& tree, const FieldContext& field);
bool expect_map(const Tree& tree, std::string_view path, Report& report);

// Hands out a map's entries by field name and says afterwards what was left or missing.
class MapReader {
 public:
  MapReader(const Tree& map, std::string_view path, Report& report)
      : map_(map), path_(path), report_(report) {}
  // The value of a field; null if it is not given, which is an error for a required one.
  const Tree* take(std::string_view name, const FieldInfo& info);
  FieldContext context(std::string_view name, const FieldInfo& info) const {
    return {info, join_path(path_, name), report_};
  }
  void refuse_unknown() const;

 private:
  const Tree& map_;
  std::string_view path_;
  Report& report_;
  std::vector<std::string_view> names_;
};

template <class T>
void bind_struct(const Tree& tree, T& out, std::string_view path, Report& report);

template <class F>
void bind_value(const Tree& tree, F& out, const FieldContext& field) {
  if constexpr (IsOptional<F>::value) {
    if (says_unset(tree, field.info)) {
      out.reset();
      return;
    }
    typename F::value_type value{};
    bind_value(tree, value, field);
    out = std::move(value);
  } else if constexpr (IsVector<F>::value) {
    if (!expect_list(tree, field)) return;
    out.clear();
    const size_t count = tree.is_list() ? tree.items.size() : 1;
    for (size_t i = 0; i < count; ++i) {
      const std::string path = field.path + "." + std::to_string(i);
      typename F::value_type item{};
      bind_value(tree.is_list() ? tree.items[i] : tree, item, {field.info, path, field.report});
      out.push_back(std::move(item));
    }
  } else if constexpr (std::is_same_v<F, bool>) {
    bind_boolean(tree, out, field);
  } else if constexpr (std::is_enum_v<F>) {
    const int index = bind_choice(tree, words_of<F>(), field);
    if (index >= 0) out = *(values_of(F{}).begin() + index);
  } else if constexpr (std::is_integral_v<F>) {
    static_assert(std::is_same_v<F, int64_t>, "integers of configs are int64_t");
    bind_integer(tree, out, field);
  } else if constexpr (std::is_floating_point_v<F>) {
    static_assert(std::is_same_v<F, double>, "real numbers of configs are double");
    bind_real(tree, out, field);
  } else if constexpr (std::is_same_v<F, std::string>) {
    bind_text(tree, out, field);
  } else {
    bind_struct(tree, out, field.path, field.report);
  }
}

template <class T>
void bind_struct(const Tree& given, T& out, std::string_view path, Report& report) {
  if (!expect_map(given, path, report)) return;
  const size_t errors_before = report.errors();
  Tree tree = given;
  if constexpr (HasComplete<T>) {
    if (!T::complete(tree, report)) return;
  }
  MapReader reader(tree, path, report);
  out.visit([&]<class F>(std::string_view name, F& field, const FieldInfo& info = {}) {
    if (const Tree* value = reader.take(name, info))
      bind_value(*value, field, reader.context(name, info));
  });
  reader.refuse_unknown();
  if constexpr (HasFinish<T>) {
    if (report.errors() == errors_before) out.finish(tree, report);
  }
}

}  // namespace weft
