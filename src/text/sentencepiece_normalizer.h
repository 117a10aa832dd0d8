// SentencePiece's normalization: a character map by longest match, spaces as U+2581. Not here: the
// map (precompiled_map.h), the normalizers of tokenizer.json (normalizer.h).
#pragma once

#include <bitset>
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
  void find_plain();
  bool is_plain(uint32_t code) const { return code < plain_.size() && plain_[code]; }

  std::optional<PrecompiledMap> map_;
  ByteTrie user_defined_;
  bool has_user_defined_ = false;
  bool add_prefix_, remove_extra_, escape_, suffix_;
  // By code point, of those below U+10000: it stays as it is, ASCII where ASCII follows, and is no
  // space.
  std::bitset<0x10000> plain_;
  bool keeps_space_ = false;  // the same of a space
};

}  // namespace weft::text
