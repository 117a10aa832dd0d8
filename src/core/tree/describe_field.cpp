#include "core/tree/describe_field.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "core/quote.h"

namespace weft {
namespace {

std::string limit_text(double value) {
  if (std::floor(value) == value && std::abs(value) < 1e12)
    return std::to_string(static_cast<int64_t>(value));
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  std::string plain = text.data();
  std::erase(plain, '+');  // 1e15
  return plain;
}

}  // namespace

std::string range_text(const FieldInfo& info) {
  std::string text;
  if (std::isfinite(info.min))
    text = (info.above_min ? "more than " : "at least ") + limit_text(info.min);
  if (!std::isfinite(info.max)) return text;
  if (!text.empty()) text += " and ";
  return text + (info.below_max ? "less than " : "at most ") + limit_text(info.max);
}

std::string_view kind_text(FieldKind kind) {
  switch (kind) {
    case FieldKind::kBoolean: return "true or false";
    case FieldKind::kInteger: return "an integer";
    case FieldKind::kReal: return "a number";
    case FieldKind::kText: return "text";
    case FieldKind::kChoice: return "a word";
    case FieldKind::kList: return "a list";
    case FieldKind::kMap: return "a map of keys";
  }
  return "";
}

std::string alternatives(const std::vector<std::string_view>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

std::string shown(const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::kNull: return tree.text.empty() ? "an empty value" : quote(tree.text);
    case Tree::Kind::kScalar: return quote(tree.text, 60) + (tree.quoted ? " in quotes" : "");
    case Tree::Kind::kList: return "a list of " + std::to_string(tree.items.size());
    case Tree::Kind::kMap: return "a map of keys";
  }
  return "";
}

}  // namespace weft
