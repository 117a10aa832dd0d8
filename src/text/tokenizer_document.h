// A tokenizer.json as it is written: parsed with limits, its vocabulary and merges apart from the
// rest. Not here: what its components mean.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/json_fields.h"

namespace weft::text {

inline constexpr int64_t kMaxDocumentBytes = int64_t{256} << 20;
inline constexpr size_t kMaxVocabulary = size_t{1} << 22;
inline constexpr size_t kMaxMerges = size_t{1} << 23;
inline constexpr size_t kMaxTokenBytes = 4096;
inline constexpr size_t kMaxAddedTokens = 32768;
// Kept as JSON, of which added tokens are the most: eight values each.
inline constexpr size_t kMaxOtherValues = 300'000;

// Others than these only in tests, which so need no files of many megabytes.
struct DocumentLimits {
  int64_t bytes = kMaxDocumentBytes;
  size_t tokens = kMaxVocabulary;
  size_t merges = kMaxMerges;
};

struct TokenizerDocument {
  Json rest;  // everything but model.vocab and model.merges, which are left out there
  std::vector<std::pair<std::string, int64_t>> vocab;  // in the file's order
  std::vector<double> scores;  // of each token, where the vocabulary is a list of [token, score]
  bool exact_scores = false;   // they are not rounded as Hugging Face's reader rounds them
  std::vector<std::pair<std::string, std::string>> merges;  // written as "a b" or as ["a", "b"]
  bool has_vocab = false;
  bool has_scores = false;
  bool has_merges = false;
};

// Throws Error, beginning with `origin`, for what is not JSON, repeats a key, nests too deeply, or
// is above the limits. Memory stays within a small multiple of the content.
TokenizerDocument parse_tokenizer_document(std::string_view content, const std::string& origin,
                                           const DocumentLimits& limits = {});

}  // namespace weft::text
