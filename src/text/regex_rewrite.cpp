// The alphabet of an expression: code points that belong to the same of its sets are one letter
// (regex_rewrite.h).
#include "text/regex_rewrite.h"

#include <algorithm>
#include <array>
#include <map>

#include "text/regex_parser.h"
#include "weft/error.h"

namespace weft::text {
namespace {

using Signature = uint64_t;  // bit i: in set i

// Where the answer to "which sets hold this code point" changes, with the answer from there on.
std::map<uint32_t, Signature> signatures(const std::vector<CodeSet>& sets) {
  std::map<uint32_t, Signature> changes{{0, 0}};
  for (size_t i = 0; i < sets.size(); ++i) {
    for (const CodeRange& range : sets[i].ranges()) {
      changes[range.first] ^= Signature{1} << i;
      changes[range.last + 1] ^= Signature{1} << i;
    }
  }
  Signature current = 0;
  for (auto& [code, signature] : changes) signature = current ^= signature;
  return changes;
}

// A byte for each signature; that of '\n', which alone is in set 0, is '\n' itself, since ^ and $
// look for it.
std::map<Signature, uint8_t> letters(const std::map<uint32_t, Signature>& changes,
                                     const std::string& where) {
  std::map<Signature, uint8_t> letter_of;
  uint32_t next = 0;
  for (const auto& [code, signature] : changes) {
    if (code >= kCodePoints || letter_of.contains(signature)) continue;
    if ((signature & 1) != 0) {
      letter_of[signature] = '\n';
      continue;
    }
    if (next == '\n') ++next;
    if (next > 255) throw Error(where + ": the regular expression tells too many characters apart");
    letter_of[signature] = static_cast<uint8_t>(next++);
  }
  return letter_of;
}

std::string class_of(size_t set, const std::map<Signature, uint8_t>& letter_of) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string members;
  for (const auto& [signature, letter] : letter_of) {
    if ((signature >> set & 1) == 0) continue;
    members += {'\\', 'x', kHex[letter >> 4U], kHex[letter & 15U]};
  }
  return members.empty() ? "(?!)" : "[" + members + "]";
}

}  // namespace

RewrittenRegex rewrite_regex(std::string_view expression, const std::string& where) {
  const ParsedRegex parsed = parse_regex(expression, where);
  const auto changes = signatures(parsed.sets);
  const auto letter_of = letters(changes, where);
  std::vector<uint8_t> flat(kCodePoints);
  for (auto it = changes.begin(); it != changes.end() && it->first < kCodePoints; ++it) {
    const uint32_t end = std::next(it) == changes.end() ? kCodePoints : std::next(it)->first;
    std::fill(flat.begin() + it->first, flat.begin() + end, letter_of.at(it->second));
  }
  std::string rewritten;
  for (const RegexItem& item : parsed.items) {
    rewritten += item.syntax.empty() ? class_of(item.set, letter_of) : item.syntax;
  }
  return {std::move(rewritten), CodeTable<uint8_t>(flat)};
}

}  // namespace weft::text
