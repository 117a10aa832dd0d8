// A visited struct as a tree: the way configs are printed, stored and compared. Reading the tree
// back (core/tree/bind.h) gives an equal struct.
#pragma once

#include "core/tree/fields.h"
#include "core/tree/scalars.h"

namespace weft {

template <class T>
Tree to_tree(const T& value);

// One field's value. Null: it is unset and has no word for that.
template <class F>
Tree value_to_tree(const F& value, const FieldInfo& info = {}) {
  if constexpr (IsOptional<F>::value) {
    if (value) return value_to_tree(*value, info);
    return info.unset_word.empty() ? Tree() : Tree::scalar(std::string(info.unset_word));
  } else if constexpr (IsVector<F>::value) {
    Tree list = Tree::list();
    for (const auto& item : value) list.items.push_back(value_to_tree(item));
    // One word or number stands alone; what has keys of its own stays a list of one.
    if (info.one_or_more && list.items.size() == 1 && !list.items.front().is_map())
      return Tree(list.items.front());
    return list;
  } else if constexpr (std::is_same_v<F, bool>) {
    return Tree::scalar(value ? "true" : "false");
  } else if constexpr (std::is_enum_v<F>) {
    return Tree::scalar(std::string(name_of(value)), true);
  } else if constexpr (std::is_integral_v<F>) {
    return Tree::scalar(std::to_string(value));
  } else if constexpr (std::is_floating_point_v<F>) {
    return Tree::scalar(real_text(value));
  } else if constexpr (std::is_same_v<F, std::string>) {
    return Tree::scalar(value, true);
  } else {
    return to_tree(value);
  }
}

template <class T>
Tree to_tree(const T& value) {
  Tree map = Tree::map();
  T copy = value;
  copy.visit([&]<class F>(std::string_view name, F& field, const FieldInfo& info = {}) {
    if constexpr (HasWrittenName<T>) name = value.written_name(name);
    if (name.empty()) return;
    Tree written = value_to_tree(field, info);
    if (!written.is_null()) map.set(name, std::move(written));
  });
  return map;
}

}  // namespace weft
