// Compiled character maps (precompiled_map.h). A unit of the double array is, as in Darts-clone:
// bits 0 to 7 its byte, bit 8 whether a string ends there, bits 10 to 30 where its children lie
// (bit 9: 256 times as far), or, with bit 31, a value.
#include "text/precompiled_map.h"

#include <algorithm>
#include <cstring>

#include "core/quote.h"
#include "text/grapheme_cluster.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kClusterLimit = 6;

uint32_t label(uint32_t unit) {
  return unit & (0x80000000U | 0xFF);
}
uint32_t offset(uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200) >> 6);
}
bool has_leaf(uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}

int count_characters(std::string_view text) {
  int count = 0;
  for (size_t at = 0; at < text.size(); at += utf8_at(text, at).size) ++count;
  return count;
}

}  // namespace

PrecompiledMap::PrecompiledMap(std::string_view blob, const std::string& where) {
  uint32_t trie_bytes = 0;
  if (blob.size() < 4) throw Error(where + ": the character map is shorter than its header");
  std::memcpy(&trie_bytes, blob.data(), 4);
  if (trie_bytes > blob.size() - 4 || trie_bytes % 4 != 0 || trie_bytes == 0) {
    throw Error(where + ": the character map's trie has " + std::to_string(trie_bytes) +
                " bytes, of " + std::to_string(blob.size() - 4) + " there are");
  }
  units_.resize(trie_bytes / 4);
  std::memcpy(units_.data(), blob.data() + 4, trie_bytes);
  replacements_ = blob.substr(4 + trie_bytes);
  if (valid_utf8_prefix(replacements_) != replacements_.size()) {
    throw Error(where + ": the character map's replacements are not UTF-8");
  }
  for (uint8_t byte = 0; byte < 128; ++byte) changes_[byte] = changes_before_ascii(byte);
}

// Whether the map has a string that is `byte`, or begins with it and another ASCII character.
bool PrecompiledMap::changes_before_ascii(uint8_t byte) const {
  const size_t node = offset(units_[0]) ^ byte;
  if (node >= units_.size() || label(units_[node]) != byte) return false;
  if (has_leaf(units_[node])) return true;
  for (uint32_t next = 1; next < 128; ++next) {
    const size_t child = node ^ offset(units_[node]) ^ next;
    if (child < units_.size() && label(units_[child]) == next) return true;
  }
  return false;
}

bool PrecompiledMap::touches(std::string_view character) const {
  size_t node = offset(units_[0]);
  for (const char c : character) {
    const auto byte = static_cast<uint8_t>(c);
    node ^= byte;
    if (node >= units_.size() || label(units_[node]) != byte) return false;
    if (has_leaf(units_[node])) return true;
    node ^= offset(units_[node]);
  }
  return true;
}

// Calls body(match) for each string of the map that begins at text[at], the shortest first, until
// it returns false.
template <class Body>
void PrecompiledMap::for_each_match(std::string_view text, size_t at, const Body& body) const {
  size_t node = offset(units_[0]);
  for (size_t end = at; end < text.size();) {
    const auto byte = static_cast<uint8_t>(text[end++]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label(units_[node]) != byte) return;
    const uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) return;
    const size_t begin = units_[node] & 0x7FFFFFFF;
    if (begin >= replacements_.size()) return;
    const size_t stop = std::min(replacements_.find('\0', begin), replacements_.size());
    if (!body(Match{end - at, std::string_view(replacements_).substr(begin, stop - begin)})) return;
  }
}

std::optional<PrecompiledMap::Match> PrecompiledMap::longest_at(std::string_view text,
                                                                size_t at) const {
  std::optional<Match> longest;
  for_each_match(text, at, [&](const Match& match) {
    longest = match;
    return true;
  });
  return longest;
}

std::optional<PrecompiledMap::Match> PrecompiledMap::shortest_at(std::string_view text,
                                                                 size_t at) const {
  std::optional<Match> shortest;
  for_each_match(text, at, [&](const Match& match) {
    shortest = match;
    return false;
  });
  return shortest;
}

// Replaces the next characters of `edit`, `part`, as a whole by the shortest match; false where
// there is none.
bool PrecompiledMap::replace(std::string_view part, TextEdit& edit) const {
  const auto match = shortest_at(part, 0);
  if (!match) return false;
  const int given = count_characters(part), made = count_characters(match->replacement);
  const size_t end = edit.position() + part.size();
  int number = 0;
  for (size_t at = 0; at < match->replacement.size(); ++number) {
    const Utf8Char c = utf8_at(match->replacement, at);
    const bool is_last = number + 1 == made;
    edit.put(c.code, number >= given ? 1 : is_last && made < given ? made - given : 0);
    at += c.size;
  }
  if (made == 0) edit.drop(part.size());
  WEFT_ASSERT(edit.position() == end);
  return true;
}

void PrecompiledMap::apply_to_clusters(TextEdit& edit) const {
  const std::string_view text = edit.input();
  while (edit.position() < text.size()) {
    const size_t begin = edit.position();
    size_t plain = begin;
    while (plain + 1 < text.size() && leaves_alone(static_cast<uint8_t>(text[plain])) &&
           static_cast<uint8_t>(text[plain + 1]) < 0x80)
      ++plain;
    if (plain > begin) {
      edit.copy(plain - begin);
      continue;
    }
    const std::string_view cluster = text.substr(begin, cluster_size(text, begin));
    if (cluster.size() < kClusterLimit && replace(cluster, edit)) continue;
    for (size_t at = 0; at < cluster.size();) {
      const std::string_view character = cluster.substr(at, utf8_at(cluster, at).size);
      if (!replace(character, edit)) edit.copy(character.size());
      at += character.size();
    }
  }
}

std::string decode_base64(std::string_view text, const std::string& where) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) throw Error(where + ": is no base64: its length is no multiple of 4");
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t at = 0; at < text.size(); at += 4) {
    uint32_t group = 0;
    for (size_t i = at; i < at + 4; ++i) {
      const size_t digit = i >= text.size() - padding ? 0 : kDigits.find(text[i]);
      if (digit == kDigits.npos) {
        throw Error(where + ": is no base64: character " + std::to_string(i) + " is " +
                    quote(std::string(1, text[i])));
      }
      group = group << 6 | static_cast<uint32_t>(digit);
    }
    for (int shift = 16; shift >= 0; shift -= 8) bytes += static_cast<char>(group >> shift & 0xFF);
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace weft::text
