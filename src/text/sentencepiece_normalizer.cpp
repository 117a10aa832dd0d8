// Normalization as in SentencePiece's normalizer.cc (sentencepiece_normalizer.h).
#include "text/sentencepiece_normalizer.h"

#include "text/utf8.h"

namespace weft::text {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

}  // namespace

SentencePieceNormalizer::SentencePieceNormalizer(const SentencePieceFile& file,
                                                 const std::string& origin)
    : add_prefix_(file.add_dummy_prefix),
      remove_extra_(file.remove_extra_spaces),
      escape_(file.escape_spaces),
      suffix_(file.space_is_suffix) {
  if (!file.character_map.empty()) map_.emplace(file.character_map, origin);
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    if (piece.type != SentencePieceFile::PieceType::kUserDefined) continue;
    user_defined_.insert(piece.text, 0);
    has_user_defined_ = true;
  }
  find_plain();
}

void SentencePieceNormalizer::find_plain() {
  std::string character;
  for (uint32_t code = 0; code < plain_.size(); ++code) {
    character.clear();
    append_utf8(character, code);
    const bool is_of_piece = user_defined_.child(ByteTrie::kRoot, character[0]) != ByteTrie::kNone;
    const bool changes = map_ && (code < 0x80 ? !map_->leaves_alone(static_cast<uint8_t>(code))
                                              : map_->touches(character));
    plain_[code] = !is_of_piece && !changes;
  }
  keeps_space_ = plain_[' '];
  plain_[' '] = false;
}

// Bytes of the longest user-defined piece, which no rule changes; 0 if there is none.
size_t SentencePieceNormalizer::user_defined_at(std::string_view text, size_t at) const {
  size_t longest = 0;
  uint32_t node = ByteTrie::kRoot;
  for (size_t end = at; end < text.size();) {
    node = user_defined_.child(node, text[end++]);
    if (node == ByteTrie::kNone) break;
    if (user_defined_.value(node) >= 0) longest = end - at;
  }
  return longest;
}

SentencePieceNormalizer::Prefix SentencePieceNormalizer::prefix_at(std::string_view text,
                                                                   size_t at) const {
  if (has_user_defined_) {
    if (const size_t size = user_defined_at(text, at); size > 0)
      return {text.substr(at, size), size};
  }
  if (map_) {
    if (const auto match = map_->longest_at(text, at)) return {match->replacement, match->size};
  }
  const Utf8Char c = utf8_at(text, at);
  if (c.code == kInvalidByte) return {"\uFFFD", 1};
  return {text.substr(at, c.size), c.size};
}

// One text on its way.
class SentencePieceNormalizer::Pass {
 public:
  Pass(const SentencePieceNormalizer& rules, bool keeps_origin, AlignedText& out)
      : rules_(rules),
        keeps_origin_(keeps_origin),
        out_(out),
        space_(rules.escape_ ? kSpaceMark : " ") {}

  void run(std::string_view text) {
    size_t at = skip_leading_spaces(text);
    if (at == text.size()) return;
    if (rules_.add_prefix_ && !rules_.suffix_)
      put(space_, {at, at + rules_.prefix_at(text, at).size});
    bool after_space = rules_.remove_extra_;
    while (at < text.size()) {
      const size_t plain = plain_run(text, at);
      if (plain > 0) {
        put_each(text.substr(at, plain), at);
        at += plain;
        after_space = false;
        continue;
      }
      const bool is_space = rules_.keeps_space_ && text[at] == ' ' && !joins_next(text, at);
      const Prefix prefix = is_space ? Prefix{" ", 1} : rules_.prefix_at(text, at);
      std::string_view piece = prefix.text;
      while (after_space && piece.starts_with(' ')) piece.remove_prefix(1);
      if (!piece.empty()) {
        put_escaped(piece, {at, at + prefix.size});
        after_space = rules_.remove_extra_ && piece.ends_with(' ');
      }
      at += prefix.size;
    }
    if (rules_.remove_extra_) drop_trailing_spaces();
    if (rules_.add_prefix_ && rules_.suffix_) put(space_, {text.size(), text.size()});
  }

 private:
  size_t skip_leading_spaces(std::string_view text) const {
    size_t at = 0;
    while (rules_.remove_extra_ && at < text.size()) {
      const Prefix prefix = rules_.prefix_at(text, at);
      if (prefix.text != " ") break;
      at += prefix.size;
    }
    return at;
  }
  size_t plain_run(std::string_view text, size_t at) const {
    size_t end = at;
    while (end < text.size()) {
      const auto byte = static_cast<uint8_t>(text[end]);
      const Utf8Char c = byte < 0x80 ? Utf8Char{byte, 1} : utf8_at(text, end);
      if (!rules_.is_plain(c.code) || (byte < 0x80 && joins_next(text, end))) break;
      end += c.size;
    }
    return end - at;
  }
  // Whether what follows text[at] is not ASCII, so that the map may have strings of both.
  static bool joins_next(std::string_view text, size_t at) {
    return at + 1 < text.size() && static_cast<uint8_t>(text[at + 1]) >= 0x80;
  }
  void put(std::string_view text, TextSpan origin) {
    out_.text += text;
    if (keeps_origin_) out_.origin.insert(out_.origin.end(), text.size(), origin);
  }
  // Characters that stay as they are.
  void put_each(std::string_view text, size_t at) {
    out_.text += text;
    for (size_t i = 0; keeps_origin_ && i < text.size();) {
      const size_t size = utf8_at(text, i).size;
      out_.origin.insert(out_.origin.end(), size, {at + i, at + i + size});
      i += size;
    }
  }
  void put_escaped(std::string_view text, TextSpan origin) {
    while (!text.empty()) {
      const size_t space = std::min(text.find(' '), text.size());
      put(text.substr(0, space), origin);
      text.remove_prefix(space);
      if (text.empty()) return;
      put(space_, origin);
      text.remove_prefix(1);
    }
  }
  void drop_trailing_spaces() {
    while (out_.text.ends_with(space_)) {
      out_.text.resize(out_.text.size() - space_.size());
      if (keeps_origin_) out_.origin.resize(out_.text.size());
    }
  }

  const SentencePieceNormalizer& rules_;
  bool keeps_origin_;
  AlignedText& out_;
  std::string_view space_;
};

void SentencePieceNormalizer::normalize(std::string_view given, bool keeps_origin,
                                        AlignedText& out) const {
  out.text.clear();
  out.origin.clear();
  Pass(*this, keeps_origin, out).run(given);
}

}  // namespace weft::text
