// Boundaries by the rules of UAX #29 (grapheme_cluster.h).
#include "text/grapheme_cluster.h"

#include "text/fold_tables.h"
#include "text/utf8.h"

namespace weft::text {
namespace {

bool is_control(uint16_t kind) {
  return kind == kClusterControl || kind == kClusterCr || kind == kClusterLf;
}

// A cluster so far: decides whether the next character belongs to it.
class Cluster {
 public:
  explicit Cluster(uint16_t first) { note(first); }

  bool takes(uint16_t next) const {
    const auto last_kind = static_cast<uint16_t>(last_ & kClusterBreakMask);
    const auto next_kind = static_cast<uint16_t>(next & kClusterBreakMask);
    if (last_kind == kClusterCr && next_kind == kClusterLf) return true;       // GB3
    if (is_control(last_kind) || is_control(next_kind)) return false;          // GB4, GB5
    if (joins_hangul(last_kind, next_kind)) return true;                       // GB6 to GB8
    if (next_kind == kClusterExtend || next_kind == kClusterZwj) return true;  // GB9
    if (next_kind == kClusterSpacingMark || last_kind == kClusterPrepend) return true;  // GB9a, b
    if (linked_ && (next & kClusterIndicConsonant) != 0) return true;                   // GB9c
    if (last_kind == kClusterZwj && pictographic_ && (next & kClusterPictographic) != 0)
      return true;                                                // GB11
    return next_kind == kClusterRegional && regionals_ % 2 == 1;  // GB12, GB13
  }

  void note(uint16_t kind) {
    const auto low = static_cast<uint16_t>(kind & kClusterBreakMask);
    if ((kind & kClusterIndicConsonant) != 0) {
      consonant_ = true;
      linked_ = false;
    } else if (consonant_ && (kind & kClusterIndicLinker) != 0) {
      linked_ = true;
    } else if ((kind & (kClusterIndicExtend | kClusterIndicLinker)) == 0) {
      consonant_ = linked_ = false;
    }
    const bool extends = low == kClusterExtend || low == kClusterZwj;
    pictographic_ = (kind & kClusterPictographic) != 0 || (pictographic_ && extends);
    regionals_ = low == kClusterRegional ? regionals_ + 1 : 0;
    last_ = kind;
  }

 private:
  static bool joins_hangul(uint16_t last, uint16_t next) {
    const bool vowel_or_syllable =
        next == kClusterVowel || next == kClusterLeadVowel || next == kClusterLeadVowelTail;
    if (last == kClusterLead) return next == kClusterLead || vowel_or_syllable;
    if (last == kClusterLeadVowel || last == kClusterVowel)
      return next == kClusterVowel || next == kClusterTail;
    return (last == kClusterLeadVowelTail || last == kClusterTail) && next == kClusterTail;
  }

  uint16_t last_ = kClusterOther;
  bool consonant_ = false;     // an Indic consonant, extended so far
  bool linked_ = false;        // and linked to the next one
  bool pictographic_ = false;  // an emoji, extended so far
  int regionals_ = 0;          // regional indicators in a row
};

}  // namespace

size_t cluster_size(std::string_view text, size_t at) {
  const Utf8Char first = utf8_at(text, at);
  size_t end = at + first.size;
  if (first.code == kInvalidByte) return first.size;
  if (first.code < 0x80 && first.code != '\r') {
    const bool plain = end == text.size() || static_cast<uint8_t>(text[end]) < 0x80;
    if (plain) return first.size;
  }
  Cluster cluster(cluster_table()[first.code]);
  while (end < text.size()) {
    const Utf8Char next = utf8_at(text, end);
    const uint16_t kind = cluster_table()[next.code];
    if (next.code == kInvalidByte || !cluster.takes(kind)) break;
    cluster.note(kind);
    end += next.size;
  }
  return end - at;
}

}  // namespace weft::text
