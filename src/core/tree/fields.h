// How C++ types appear in a tree: which kind of value a field of a visited struct is. Shared by the
// visitors that read, write and document (bind.h, write.h, schema.h).
//
// A struct with a member template `visit` (weft/visit.h) is a map of keys. It may also have
//   static void accept(Tree& layer, Report&)     rewrites foreign spellings, in one file or
//   argument static bool complete(Tree& map, Report&)     before binding: contradictions of given
//   keys,
//                                                defaults that depend on other keys; false: give up
//   void finish(const Tree& map, Report&)        after binding: checks and derived values
//   std::string_view written_name(field) const   the key under which a field is written, "" if the
//                                                field means nothing here
// An enumeration needs name_of(value) and values_of(E{}), which gives a range of all values.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/tree/report.h"
#include "core/tree/tree.h"
#include "weft/visit.h"

namespace weft {

struct AnyVisitor {
  template <class T>
  void operator()(std::string_view, T&, const FieldInfo& = {}) const {}
};

template <class T>
concept VisitedStruct = std::is_class_v<T> && requires(T& t, AnyVisitor visitor) {
  t.visit(visitor);
};

template <class T>
concept HasAccept = requires(Tree& tree, Report& report) {
  T::accept(tree, report);
};
template <class T>
concept HasComplete = requires(Tree& tree, Report& report) {
  { T::complete(tree, report) } -> std::same_as<bool>;
};
template <class T>
concept HasFinish = requires(T& t, const Tree& tree, Report& report) {
  t.finish(tree, report);
};
template <class T>
concept HasWrittenName = requires(const T& t) {
  t.written_name(std::string_view());
};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

enum class FieldKind { kBoolean, kInteger, kReal, kText, kChoice, kList, kMap };

template <class T>
constexpr FieldKind kind_of_field() {
  if constexpr (std::is_same_v<T, bool>) return FieldKind::kBoolean;
  else if constexpr (std::is_enum_v<T>) return FieldKind::kChoice;
  else if constexpr (std::is_integral_v<T>) return FieldKind::kInteger;
  else if constexpr (std::is_floating_point_v<T>) return FieldKind::kReal;
  else if constexpr (std::is_same_v<T, std::string>) return FieldKind::kText;
  else if constexpr (IsOptional<T>::value) return kind_of_field<typename T::value_type>();
  else if constexpr (IsVector<T>::value) return FieldKind::kList;
  else {
    static_assert(VisitedStruct<T>, "a field is a scalar, a list, an optional or a visited struct");
    return FieldKind::kMap;
  }
}

// The words of an enumeration, in order.
template <class E>
std::vector<std::string_view> words_of() {
  std::vector<std::string_view> words;
  for (const E value : values_of(E{})) words.push_back(name_of(value));
  return words;
}

}  // namespace weft
