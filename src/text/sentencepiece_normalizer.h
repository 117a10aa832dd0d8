// SentencePiece's normalization: a character map by longest match, spaces as U+2581. Not here: the
// map (precompiled_map.h), the normalizers of tokenizer.json (normalizer.h).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "text/byte_trie.h"
#include "text/precompiled_map.h"
#include "text/sentencepiece_file.h"
#include "text/text_edit.h"

namespace weft::text {

class SentencePieceNormalizer {
 public:
  // Throws Error, beginning with `origin`, for a malformed map.
  SentencePieceNormalizer(const SentencePieceFile& file, const std::string& origin);

  // Appends to an empty text. Origins are kept up if `keeps_origin`; the space put before a text
  // belongs to its first character.
  void normalize(std::string_view given, bool keeps_origin, AlignedText& out) const;

 private:
  class Pass;
  struct Prefix {
    std::string_view text;
    size_t size;  // bytes of the input
  };
  Prefix prefix_at(std::string_view text, size_t at) const;
  size_t user_defined_at(std::string_view text, size_t at) const;

  std::optional<PrecompiledMap> map_;
  ByteTrie user_defined_;
  bool has_user_defined_ = false;
  bool add_prefix_, remove_extra_, escape_, suffix_;
  std::array<bool, 256> plain_{};  // ASCII that stays as it is before ASCII, and is no space
};

}  // namespace weft::text
