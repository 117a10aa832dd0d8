// A small Llama whose weights are chosen by hand, not trained: each token is followed by one known
// token. So every text that it makes can be told beforehand.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace weft::test {

// Ids of the tokenizer "bytes": the bytes, then the end of text; the model has some more.
inline constexpr int64_t kEndOfText = 256;
inline constexpr int64_t kNoToken = 260;  // the tokenizer has no such token
inline constexpr int64_t kVocabulary = 264;
inline constexpr int64_t kPositions = 96;

struct Follow {
  int64_t first = 0;   // with a large logit
  int64_t second = 0;  // with half of it
};
using Chain = std::map<int64_t, Follow>;

// a -> é -> € -> U+1D11E -> b -> a, byte by byte; q -> a token that the tokenizer lacks, or r;
// z -> the end.
Chain standard_chain();
inline const std::string kChainText = "a\u00e9\u20ac\U0001D11Eb";

struct ChainOptions {
  Chain chain = standard_chain();
  bool with_tokenizer = true;
};

// A Hugging Face folder.
void write_chain_model(const std::filesystem::path& folder, const ChainOptions& options = {});

}  // namespace weft::test
