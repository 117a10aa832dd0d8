// The three expressions by which nearly all byte-level tokenizers cut text into words, written by
// hand for speed. Tests compare them with the expressions themselves. Not here: any other
// expression (regex.h).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace weft::text {

enum class WordRule {
  kGpt2,    // GPT-2, RoBERTa
  kLlama3,  // Llama 3, GPT-4: numbers in groups of three
  kQwen2,   // the same with single digits
};

std::string_view expression_of(WordRule rule);
// The rule that does what this regular expression says, if there is one.
std::optional<WordRule> rule_for(std::string_view expression);

// Cuts text[begin..] into consecutive words, as many as `ends` has room for. Writes where each
// ends; returns how many. Words cover the text; bytes that are not UTF-8 count as symbols.
size_t cut_words(WordRule rule, std::string_view text, size_t begin, std::span<size_t> ends);

}  // namespace weft::text
