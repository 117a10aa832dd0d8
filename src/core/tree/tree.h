// A neutral tree of keys and values with the place where each was written: what YAML, JSON and the
// command line become before anything knows what they mean. It holds text, not numbers: what `010`
// or `2e-5` is, the reader of a typed field decides (core/tree/bind.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

// Where something was given. Lines and columns count from 1, columns in bytes; line 0 is the source
// as a whole, and no source at all is a value made by the program.
struct Position {
  std::shared_ptr<const std::string> source;  // a file's name, or "command line: key=value"
  int line = 0;
  int column = 0;

  // "FILE:LINE:COLUMN", "command line: key=value" or "".
  std::string to_string() const;
};

// What a text may ask for. A config of a page has some hundred values; the limits keep memory and
// time small whatever the file says.
inline constexpr int64_t kMaxTreeBytes = int64_t{1} << 20;
inline constexpr int kMaxTreeDepth = 64;
inline constexpr int64_t kMaxTreeValues = 20000;

struct TreeEntry;

struct Tree {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;    // of a scalar: "5" is not 5
  bool by_index = false;  // of a map: its keys are positions in a list (`datasets.0.path=...`)
  std::string text;       // of a scalar, without its quotes; of a null, how it was written
  Position at;
  std::vector<Tree> items;         // of a list
  std::vector<TreeEntry> entries;  // of a map, in the order they were written

  static Tree scalar(std::string text, bool quoted = false);
  static Tree map();
  static Tree list();

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  bool is_word(std::string_view word) const { return is_scalar() && text == word; }

  // The entry of a map, or null if it has none of that key.
  const TreeEntry* entry(std::string_view key) const;
  TreeEntry* entry(std::string_view key);
  const Tree* find(std::string_view key) const;
  Tree* find(std::string_view key);
  // The entry exists and its value is not null.
  bool gives(std::string_view key) const;
  // Where `key` is written, or, without it, where the map is.
  Position position_of(std::string_view key) const;

  // Adds an entry, or replaces its value. The key is placed at the value's position.
  Tree& set(std::string_view key, Tree value);
  void erase(std::string_view key);
};

struct TreeEntry {
  std::string key;      // the field's own name, once aliases are resolved
  std::string written;  // as it was given
  Position at;          // of the key
  Tree value;
};

// The candidate with the fewest edits (Levenshtein, with swapped neighbours as one edit) from
// `word`, or "" if all need more than a third of the word's length (2 for short words, 1 for words
// of less than five letters).
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// The words of a list such as FieldInfo::aliases.
std::vector<std::string_view> split_words(std::string_view words);

// "a.b", or "b" at the root.
std::string join_path(std::string_view parent, std::string_view key);

}  // namespace weft
