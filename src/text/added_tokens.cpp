// Added tokens and the search for them (added_tokens.h). The rules are those of Hugging Face's
// AddedVocabulary, its odd corners included.
#include "text/added_tokens.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "core/quote.h"
#include "text/tokenizer_document.h"
#include "text/unicode.h"
#include "weft/error.h"

namespace weft::text {
namespace {

// The search compares at most so many bytes at each place of a text.
constexpr size_t kMaxContent = 1024;

AddedToken read_added_token(const Json& entry, const std::string& path) {
  JsonFields fields(entry, path);
  AddedToken token;
  token.id = static_cast<int32_t>(fields.integer("id", 0, kMaxVocabulary - 1));
  token.content = fields.text("content");
  token.single_word = fields.flag("single_word");
  token.lstrip = fields.flag("lstrip");
  token.rstrip = fields.flag("rstrip");
  token.normalized = fields.flag("normalized");
  token.special = fields.flag("special");
  fields.done();
  if (token.content.empty()) fields.fail("content", "is empty");
  if (token.content.size() > kMaxContent) {
    fields.fail("content", "is longer than " + std::to_string(kMaxContent) + " bytes");
  }
  return token;
}

bool has_class(Utf8Char c, uint16_t mask) {
  return (class_table()[c.code] & mask) != 0;
}

bool is_single_word(std::string_view text, size_t begin, size_t end) {
  const bool word_before = begin > 0 && has_class(utf8_last(text.substr(0, begin)), kWord);
  const bool word_after = end < text.size() && has_class(utf8_at(text, end), kWord);
  return !word_before && !word_after;
}

size_t space_before(std::string_view text, size_t at) {
  while (at > 0) {
    const Utf8Char c = utf8_last(text.substr(0, at));
    if (!has_class(c, kSpace)) break;
    at -= c.size;
  }
  return at;
}

size_t space_after(std::string_view text, size_t at) {
  while (at < text.size()) {
    const Utf8Char c = utf8_at(text, at);
    if (!has_class(c, kSpace)) break;
    at += c.size;
  }
  return at;
}

}  // namespace

std::vector<AddedToken> read_added_tokens(const Json& list, const std::string& path) {
  if (list.is_null()) return {};
  if (!list.is_array()) throw Error(path + ": expected a list");
  if (list.size() > kMaxAddedTokens) {
    throw Error(path + ": " + std::to_string(list.size()) + " entries; at most " +
                std::to_string(kMaxAddedTokens) + " are allowed");
  }
  std::vector<AddedToken> tokens;
  std::set<int32_t> ids;
  std::set<std::string_view> contents;
  tokens.reserve(list.size());  // contents are views into it
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string where = path + "[" + std::to_string(i) + "]";
    tokens.push_back(read_added_token(list[i], where));
    if (!ids.insert(tokens.back().id).second) {
      throw Error(where + ".id: " + std::to_string(tokens.back().id) + " is used twice");
    }
    if (!contents.insert(tokens.back().content).second) {
      throw Error(where + ".content: " + quote(tokens.back().content) + " is there twice");
    }
  }
  return tokens;
}

TokenFinder::TokenFinder(std::vector<Entry> entries) : entries_(std::move(entries)) {
  std::ranges::stable_sort(entries_, {}, [](const Entry& e) {
    return std::tuple<const std::string&, bool, bool>(e.pattern, !e.token.special,
                                                      e.token.content != e.pattern);
  });
  const auto same = [](const Entry& a, const Entry& b) { return a.pattern == b.pattern; };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  nodes_.emplace_back();
  if (!entries_.empty()) build(0, entries_.size(), 0, 0);
  only_special_ = std::ranges::all_of(entries_, [](const Entry& e) { return e.token.special; });
  for (uint32_t i = 0; i < nodes_[0].edges; ++i)
    begins_[static_cast<uint8_t>(edges_[i].byte)] = true;
}

// Makes the children of `node`, which stands for the first `depth` bytes of entries [first, last).
void TokenFinder::build(size_t first, size_t last, size_t depth, uint32_t node) {
  if (entries_[first].pattern.size() == depth) {
    nodes_[node].entry = static_cast<int32_t>(first);
    ++first;
  }
  struct Group {
    size_t first, last;
  };
  std::vector<Group> groups;
  for (size_t i = first; i < last; ++i) {
    const char byte = entries_[i].pattern[depth];
    if (i == first || byte != entries_[i - 1].pattern[depth]) groups.push_back({i, i});
    groups.back().last = i + 1;
  }
  nodes_[node].first_edge = static_cast<uint32_t>(edges_.size());
  nodes_[node].edges = static_cast<uint32_t>(groups.size());
  const auto child = static_cast<uint32_t>(nodes_.size());
  for (size_t g = 0; g < groups.size(); ++g) {
    edges_.push_back({entries_[groups[g].first].pattern[depth], child + static_cast<uint32_t>(g)});
    nodes_.emplace_back();
  }
  for (size_t g = 0; g < groups.size(); ++g) {
    build(groups[g].first, groups[g].last, depth + 1, child + static_cast<uint32_t>(g));
  }
}

int32_t TokenFinder::longest_at(std::string_view text, size_t at) const {
  int32_t longest = -1;
  uint32_t node = 0;
  for (; at < text.size(); ++at) {
    const auto edges = std::span(edges_).subspan(nodes_[node].first_edge, nodes_[node].edges);
    const auto edge = std::ranges::find(edges, text[at], &Edge::byte);
    if (edge == edges.end()) break;
    node = edge->child;
    if (nodes_[node].entry >= 0) longest = nodes_[node].entry;
  }
  return longest;
}

size_t TokenFinder::next_candidate(std::string_view text, size_t at) const {
  while (at < text.size() && !begins_[static_cast<uint8_t>(text[at])]) ++at;
  return at;
}

void TokenFinder::split(std::string_view text, bool find_special,
                        std::vector<TextPart>& parts) const {
  if (only_special_ && !find_special) {
    if (!text.empty()) parts.push_back({text, -1});
    return;
  }
  size_t done = 0;  // where the last part ends
  for (size_t at = next_candidate(text, 0); at < text.size();) {
    const int32_t found = longest_at(text, at);
    if (found < 0) {
      at = next_candidate(text, at + 1);
      continue;
    }
    const Entry& entry = entries_[static_cast<size_t>(found)];
    size_t begin = at, end = at + entry.pattern.size();
    at = next_candidate(text, end);
    if (entry.token.special && !find_special) continue;
    if (entry.token.single_word && !is_single_word(text, begin, end)) continue;
    if (entry.token.lstrip) begin = std::max(space_before(text, begin), done);
    if (entry.token.rstrip) end = space_after(text, end);
    if (done < begin) parts.push_back({text.substr(done, begin - done), -1});
    parts.push_back({text.substr(begin, end - begin), entry.token.id});
    done = end;
  }
  if (done < text.size()) parts.push_back({text.substr(done), -1});
}

}  // namespace weft::text
