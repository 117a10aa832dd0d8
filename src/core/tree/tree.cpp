#include "core/tree/tree.h"

#include <algorithm>
#include <utility>

namespace weft {
namespace {

// Optimal string alignment distance (Damerau 1964), three rows.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string Position::to_string() const {
  if (source == nullptr) return "";
  if (line == 0) return *source;
  return *source + ":" + std::to_string(line) + ":" + std::to_string(column);
}

Tree Tree::scalar(std::string text, bool quoted) {
  Tree tree;
  tree.kind = Kind::kScalar;
  tree.text = std::move(text);
  tree.quoted = quoted;
  return tree;
}

Tree Tree::map() {
  Tree tree;
  tree.kind = Kind::kMap;
  return tree;
}

Tree Tree::list() {
  Tree tree;
  tree.kind = Kind::kList;
  return tree;
}

const TreeEntry* Tree::entry(std::string_view key) const {
  for (const TreeEntry& e : entries)
    if (e.key == key) return &e;
  return nullptr;
}

TreeEntry* Tree::entry(std::string_view key) {
  return const_cast<TreeEntry*>(std::as_const(*this).entry(key));
}

const Tree* Tree::find(std::string_view key) const {
  const TreeEntry* e = entry(key);
  return e == nullptr ? nullptr : &e->value;
}

Tree* Tree::find(std::string_view key) {
  return const_cast<Tree*>(std::as_const(*this).find(key));
}

bool Tree::gives(std::string_view key) const {
  const Tree* value = find(key);
  return value != nullptr && !value->is_null();
}

Position Tree::position_of(std::string_view key) const {
  const TreeEntry* e = entry(key);
  return e == nullptr ? at : e->at;
}

Tree& Tree::set(std::string_view key, Tree value) {
  if (TreeEntry* e = entry(key)) {
    e->at = value.at;
    e->value = std::move(value);
    return e->value;
  }
  const Position at_key = value.at;
  entries.push_back({std::string(key), std::string(key), at_key, std::move(value)});
  return entries.back().value;
}

void Tree::erase(std::string_view key) {
  std::erase_if(entries, [&](const TreeEntry& e) { return e.key == key; });
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  constexpr size_t kLongest = 64;  // keys are short; a longer word is no misspelling of one
  if (word.size() > kLongest) return "";
  size_t best = (word.size() < 5 ? 1 : std::max<size_t>(2, word.size() / 3)) + 1;
  std::string_view found;
  for (const std::string_view candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best && distance < word.size()) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::vector<std::string_view> split_words(std::string_view words) {
  std::vector<std::string_view> result;
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (end > 0) result.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return result;
}

std::string join_path(std::string_view parent, std::string_view key) {
  std::string path(parent);
  if (!path.empty()) path += '.';
  return path.append(key);
}

}  // namespace weft
