#include "core/tree/compare.h"

#include <algorithm>

namespace weft {
namespace {

// One line: enough to tell values apart and to show them.
std::string flat_text(const Tree& tree) {
  std::string text;
  switch (tree.kind) {
    case Tree::Kind::kNull: return "";
    case Tree::Kind::kScalar: return tree.text;
    case Tree::Kind::kList:
      for (const Tree& item : tree.items) text += (text.empty() ? "" : ", ") + flat_text(item);
      return "[" + text + "]";
    case Tree::Kind::kMap:
      for (const TreeEntry& entry : tree.entries)
        text += (text.empty() ? "" : ", ") + entry.key + ": " + flat_text(entry.value);
      return "{" + text + "}";
  }
  return text;
}

class Comparer {
 public:
  explicit Comparer(std::vector<Difference>& result) : result_(result) {}

  void maps(const Tree& before, const Tree& after, const Schema* schema, const Difference& parent) {
    for (const TreeEntry& entry : before.entries)
      values(&entry.value, after.find(entry.key), entry.key, schema, parent);
    for (const TreeEntry& entry : after.entries)
      if (before.find(entry.key) == nullptr)
        values(nullptr, &entry.value, entry.key, schema, parent);
  }

 private:
  void values(const Tree* before, const Tree* after, const std::string& key, const Schema* schema,
              const Difference& parent) {
    const SchemaField* field = schema == nullptr ? nullptr : schema->find(key);
    Difference difference{
        .path = join_path(parent.path, key),
        .before = before == nullptr ? "" : flat_text(*before),
        .after = after == nullptr ? "" : flat_text(*after),
        .may_change = parent.may_change || (field != nullptr && field->info.may_change)};
    if (difference.before == difference.after) return;
    const bool both_maps =
        before != nullptr && after != nullptr && before->is_map() && after->is_map();
    if (both_maps)
      maps(*before, *after, field == nullptr ? nullptr : field->nested.get(), difference);
    else result_.push_back(std::move(difference));
  }

  std::vector<Difference>& result_;
};

}  // namespace

std::vector<Difference> compare(const Tree& before, const Tree& after, const Schema& schema) {
  std::vector<Difference> result;
  Comparer(result).maps(before, after, &schema, {});
  return result;
}

}  // namespace weft
