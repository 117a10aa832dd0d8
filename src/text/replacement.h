// {"pattern": {"String" or "Regex": ...}, "content": ...}: the part that the normalizer and the
// decoder "Replace" share, and the pattern of "Split". Not here: regular expressions themselves
// (regex.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_fields.h"
#include "text/regex.h"
#include "text/text_edit.h"

namespace weft::text {

// Throws Error, beginning with `where`, if the steps of a tokenizer file have made `size` bytes of
// `given`: hostile files replace every letter by many, again and again.
void check_growth(size_t given, size_t size, const std::string& where);

// A literal string or a regular expression.
class Pattern {
 public:
  // Reads the member "pattern".
  explicit Pattern(JsonFields& fields);

  void find_all(std::string_view text, std::vector<Regex::Match>& matches) const;
  // The expression as written, empty for a literal.
  const std::string& expression() const { return expression_; }

 private:
  std::string literal_;
  std::string expression_;
  std::optional<Regex> regex_;
};

class Replacement {
 public:
  // Reads the members "pattern" and "content".
  explicit Replacement(JsonFields& fields);
  void apply(TextEdit& edit) const;
  std::string apply(std::string_view text) const;

 private:
  Pattern pattern_;
  std::string content_;
};

}  // namespace weft::text
