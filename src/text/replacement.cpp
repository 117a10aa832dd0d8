// Patterns and replacements (replacement.h).
#include "text/replacement.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxContent = 256;
constexpr size_t kMaxGrowth = 32;
constexpr size_t kAlwaysAllowed = size_t{1} << 16;

}  // namespace

void check_growth(size_t given, size_t size, const std::string& where) {
  if (size <= kAlwaysAllowed || size / kMaxGrowth <= given) return;
  throw Error(where + ": makes a text more than " + std::to_string(kMaxGrowth) +
              " times longer; check its replacements");
}

Pattern::Pattern(JsonFields& fields) {
  JsonFields pattern(fields.at("pattern"), fields.path_of("pattern"));
  const bool is_literal = pattern.find("String") != nullptr;
  if (is_literal) {
    literal_ = pattern.text("String");
    if (literal_.empty()) pattern.fail("String", "is empty, so it matches nothing");
  } else {
    if (pattern.find("Regex") == nullptr) fields.fail("pattern", "needs \"String\" or \"Regex\"");
    expression_ = pattern.text("Regex");
    regex_.emplace(expression_, pattern.path_of("Regex"));
  }
  pattern.done();
}

void Pattern::find_all(std::string_view text, std::vector<Regex::Match>& matches) const {
  if (text.empty()) return;  // not even of an expression that matches nothing, as elsewhere
  if (regex_) return regex_->find_all(text, matches);
  for (size_t at = text.find(literal_); at != text.npos; at = text.find(literal_, at)) {
    matches.push_back({at, at + literal_.size()});
    at += literal_.size();
  }
}

Replacement::Replacement(JsonFields& fields) : pattern_(fields), content_(fields.text("content")) {
  if (content_.size() > kMaxContent) {
    fields.fail("content", "is longer than " + std::to_string(kMaxContent) + " bytes");
  }
}

void Replacement::apply(TextEdit& edit) const {
  std::vector<Regex::Match> matches;
  pattern_.find_all(edit.input(), matches);
  for (const Regex::Match& match : matches) {
    edit.copy(match.begin - edit.position());
    edit.drop(match.end - match.begin);
    edit.insert(content_);
  }
  edit.copy_rest();
}

std::string Replacement::apply(std::string_view text) const {
  AlignedText out;
  TextEdit edit(text, {}, out);
  apply(edit);
  return std::move(out.text);
}

}  // namespace weft::text
