// What normalizers other than NFC need of Unicode: BERT's character classes, lower case,
// compatibility decompositions, grapheme clusters. Pinned, like unicode.h. Not here: the
// normalizers (normalizer.h).
#pragma once

#include <cstdint>
#include <span>

#include "text/unicode.h"

namespace weft::text {

// Bits. The order is that of scripts/make_fold_tables. BERT's tables are older than those of
// regular expressions (Hugging Face's library has about Unicode 8 there).
enum FoldClass : uint16_t {
  kCleanDropped = 1 << 0,  // BERT's clean-up removes it
  kCleanSpace = 1 << 1,    // BERT's clean-up makes it a space
  kChinese = 1 << 2,
  kBertPunctuation = 1 << 3,
  kWhiteSpace = 1 << 4,  // of Unicode: where BERT's and other pre-tokenizers cut
  kBertAccent = 1 << 5,  // strip_accents removes it once text is decomposed
  kAccent = 1 << 6,      // the normalizer StripAccents removes it
  kFolds = 1 << 7,       // has a lower case, a canonical decomposition or a combining class
  kCompatible = 1 << 8,  // has a compatibility decomposition
};
const ClassTable& fold_table();

// The lower case of one character by itself; U+0130 has two characters, all others one.
struct LowerCase {
  uint32_t first;
  uint32_t second;  // 0: there is none
};
LowerCase lower_case(uint32_t code);

// The full compatibility decomposition (NFKD); empty where it is the canonical one.
std::span<const uint32_t> compatible_parts(uint32_t code);

// Grapheme_Cluster_Break (UAX #29) in the low four bits, then properties.
enum ClusterClass : uint16_t {
  kClusterOther,
  kClusterCr,
  kClusterLf,
  kClusterControl,
  kClusterExtend,
  kClusterZwj,
  kClusterRegional,
  kClusterPrepend,
  kClusterSpacingMark,
  kClusterLead,
  kClusterVowel,
  kClusterTail,
  kClusterLeadVowel,
  kClusterLeadVowelTail,
  kClusterBreakMask = 15,
  kClusterPictographic = 1 << 4,
  kClusterIndicLinker = 1 << 5,
  kClusterIndicConsonant = 1 << 6,
  kClusterIndicExtend = 1 << 7,
};
const ClassTable& cluster_table();

}  // namespace weft::text
