// Writes tokenizer.json as Hugging Face's library writes it, so that opening and saving it there
// changes no byte. Not here: where the vocabulary comes from.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "text/added_tokens.h"

namespace weft::text {

using OrderedJson = nlohmann::ordered_json;

// What stands around every model. Components are null where there are none.
struct TokenizerParts {
  std::vector<AddedToken> added;
  OrderedJson normalizer, pre_tokenizer, post_processor, decoder;
};

// A byte-pair encoding to be written.
struct BpeDescription : TokenizerParts {
  std::string unknown_token;  // empty: none
  bool fuse_unknown = false;
  bool byte_fallback = false;
  std::vector<std::string> vocab;  // by id
  std::vector<std::pair<std::string, std::string>> merges;
};

struct WordPieceDescription : TokenizerParts {
  std::string unknown_token = "[UNK]";
  std::vector<std::string> vocab;  // by id
};

// With byte fallback; <unk> is id 0.
struct UnigramDescription : TokenizerParts {
  std::vector<std::pair<std::string, double>> vocab;  // tokens and their scores, by id
};

std::string write_tokenizer_json(const BpeDescription& description);
std::string write_tokenizer_json(const WordPieceDescription& description);
std::string write_tokenizer_json(const UnigramDescription& description);

// An added token that is found as it is written and left out when text is decoded.
AddedToken special_token(int32_t id, std::string content);

// {"type": "ByteLevel", ...}
OrderedJson byte_level_component(bool add_prefix_space, bool trim_offsets, bool use_regex);

}  // namespace weft::text
