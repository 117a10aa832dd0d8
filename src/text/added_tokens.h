// The member "added_tokens" of a tokenizer.json: tokens that are found in the text before anything
// else is done to it. Not here: the model's own tokens.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_fields.h"

namespace weft::text {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool single_word = false;  // only where no word character is beside it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool normalized = false;   // is searched in normalized text, itself normalized
  bool special = false;
};

// Throws Error for malformed entries and repeated ids or contents.
std::vector<AddedToken> read_added_tokens(const Json& list, const std::string& path);

// Part of a text: a token, or text between tokens (id < 0).
struct TextPart {
  std::string_view text;
  int32_t id = -1;
};

// Finds a set of tokens: at each place the longest, then on behind it.
class TokenFinder {
 public:
  struct Entry {
    std::string pattern;  // not empty
    AddedToken token;
  };

  // Of tokens with the same pattern, in normalized text, one is found: a special one before others,
  // then the one whose own text that is.
  explicit TokenFinder(std::vector<Entry> entries);

  bool empty() const { return entries_.empty(); }
  // Cuts `text` into `parts` (appended). Without `find_special`, special tokens are ordinary text.
  void split(std::string_view text, bool find_special, std::vector<TextPart>& parts) const;

 private:
  // A trie node: its edges are edges_[first_edge, first_edge + edges).
  struct Node {
    uint32_t first_edge = 0;
    uint32_t edges = 0;
    int32_t entry = -1;
  };
  struct Edge {
    char byte;
    uint32_t child;
  };

  void build(size_t first, size_t last, size_t depth, uint32_t node);
  int32_t longest_at(std::string_view text, size_t at) const;
  size_t next_candidate(std::string_view text, size_t at) const;

  std::vector<Entry> entries_;  // sorted by pattern
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::array<bool, 256> begins_{};  // by byte: whether a pattern begins so
  bool only_special_ = false;
};

}  // namespace weft::text
