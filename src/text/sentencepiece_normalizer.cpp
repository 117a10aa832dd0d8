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
  for (uint32_t byte = 0; byte < 128; ++byte) {
    plain_[byte] = byte != ' ' && (!map_ || map_->leaves_alone(static_cast<uint8_t>(byte))) &&
                   user_defined_.child(ByteTrie::kRoot, static_cast<char>(byte)) == ByteTrie::kNone;
  }
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
      const Prefix prefix = rules_.prefix_at(text, at);
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
    while (end < text.size() && rules_.plain_[static_cast<uint8_t>(text[end])]) ++end;
    const bool joins_next = end < text.size() && static_cast<uint8_t>(text[end]) >= 0x80;
    return joins_next && end > at ? end - at - 1 : end - at;
  }
  void put(std::string_view text, TextSpan origin) {
    out_.text += text;
    if (keeps_origin_) out_.origin.insert(out_.origin.end(), text.size(), origin);
  }
  // ASCII that stays as it is.
  void put_each(std::string_view text, size_t at) {
    out_.text += text;
    for (size_t i = at; keeps_origin_ && i < at + text.size(); ++i)
      out_.origin.push_back({i, i + 1});
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
