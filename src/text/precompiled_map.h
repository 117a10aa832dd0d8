// SentencePiece's compiled character map: strings and what they become, as a double-array trie. Not
// here: the rest of SentencePiece's normalization (sentencepiece_normalizer.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_edit.h"

namespace weft::text {

class PrecompiledMap {
 public:
  // `blob` as it lies in a tokenizer.model. Throws Error, beginning with `where`, if it is
  // malformed.
  PrecompiledMap(std::string_view blob, const std::string& where);

  struct Match {
    size_t size;  // bytes of the text
    std::string_view replacement;
  };
  // Of the longest, or shortest, string of the map that begins at text[at].
  std::optional<Match> longest_at(std::string_view text, size_t at) const;
  std::optional<Match> shortest_at(std::string_view text, size_t at) const;

  // Whether some string of the map begins with this character, or the character with it.
  bool touches(std::string_view character) const;

  // As Hugging Face's library applies it: to grapheme clusters below six bytes, of which the
  // shortest match replaces the whole, and to the characters of all others.
  void apply_to_clusters(TextEdit& edit) const;

  // Whether an ASCII character stays as it is where ASCII or nothing follows.
  bool leaves_alone(uint8_t byte) const { return byte < 0x80 && !changes_[byte]; }

 private:
  bool replace(std::string_view part, TextEdit& edit) const;
  bool changes_before_ascii(uint8_t byte) const;
  template <class Body>
  void for_each_match(std::string_view text, size_t at, const Body& body) const;

  std::vector<uint32_t> units_;
  std::string replacements_;  // NUL after each
  std::array<bool, 128> changes_{};
};

// Base64 (RFC 4648) with padding. Throws Error, beginning with `where`.
std::string decode_base64(std::string_view text, const std::string& where);

}  // namespace weft::text
