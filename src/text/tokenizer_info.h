// What a tokenizer is made of, for people: kind, sizes, special tokens, the parts that a text goes
// through. Not for programs that encode: tokenizer.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "text/tokenizer.h"

namespace weft::text {

struct TokenizerInfo {
  std::string kind;  // "bpe", "bytes", "chars"
  int64_t vocab_size = 0;
  int64_t ids_without_token = 0;
  int64_t merges = 0;
  int64_t added_tokens = 0;
  // "eos" and the like, with the token's text and id.
  struct Special {
    std::string role;
    std::string token;
    int32_t id = 0;
  };
  std::vector<Special> special;
  // "normalizer", "pre_tokenizer", ... in the order a text meets them, with what they are:
  // "Sequence(Split, ByteLevel)", or "none".
  std::vector<std::pair<std::string, std::string>> pipeline;
};

// Throws Error if the tokenizer has no tokenizer.json to tell of.
TokenizerInfo tokenizer_info(const Tokenizer& tokenizer);

}  // namespace weft::text
