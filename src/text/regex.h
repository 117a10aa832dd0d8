// Regular expressions of tokenizer files, with the meaning that Hugging Face's library gives them
// (Oniguruma, Ruby syntax) and our own Unicode tables. Not here: the usual expressions, which have
// splitters of their own (word_splitter.h).
//
// An expression is first rewritten over an alphabet of at most 256 letters: characters that it
// cannot tell apart become the same letter. PCRE2 then runs on the text so spelled, a byte for a
// character, and never sees Unicode.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft::text {

class Regex {
 public:
  // Throws Error, beginning with `where`, for an expression that is malformed, or uses what cannot
  // be said over such an alphabet or in PCRE2 (back-references, \G, \X, calls of groups, ...).
  Regex(std::string_view expression, const std::string& where);
  Regex(Regex&&) noexcept;
  ~Regex();

  struct Match {
    size_t begin, end;
  };

  // Appends all matches from left to right, not overlapping, also empty ones. Bytes that are not
  // UTF-8 count as control characters. Throws Error where a match takes too many steps. Any number
  // of threads may search at a time.
  void find_all(std::string_view text, std::vector<Match>& matches) const;

 private:
  struct Compiled;
  std::unique_ptr<const Compiled> compiled_;
};

}  // namespace weft::text
