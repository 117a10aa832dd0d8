// What all models of a tokenizer.json have in common: a word becomes tokens. Not here: any model
// (bpe_model.h, unigram_model.h,
// word_piece_model.h, word_level_model.h), how text is cut into words.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"
#include "text/word_cache.h"

namespace weft::text {

struct TokenizerDocument;

// A token of a word: bytes [begin, end).
struct WordToken {
  int32_t id;
  size_t begin, end;
};

// The best way to a place of a word (unigram_lattice.h), in double precision.
struct LatticeNode {
  double score = 0;
  double second = -std::numeric_limits<double>::infinity();  // of the next best way
  uint32_t size = 0;  // bytes of the last token on the way; 0: there is no way yet
  int32_t id = 0;     // of that token
};

// The same in single precision, where nobody asks for the next best way.
struct SingleLatticeNode {
  float score = 0;
  uint32_t size = 0;
  int32_t id = 0;
};

// What encoding needs beside the model; one thread at a time.
struct ModelScratch {
  bool is_large() const {
    constexpr size_t kMany = size_t{1} << 20;
    return ids.capacity() > kMany || links.capacity() > kMany || word.capacity() > kMany ||
           nodes.capacity() > kMany || single_nodes.capacity() > kMany || path.capacity() > kMany ||
           dead_ends.capacity() > kMany;
  }

  struct Link {
    uint32_t before, after;
  };

  // Where merges are left out at random (EncodeOptions::dropout_key): the key, and how many random
  // numbers the text has used.
  std::optional<uint64_t> dropout_key;
  uint64_t dropout_count = 0;

  WordCache cache;
  std::vector<int32_t> ids;
  std::vector<uint32_t> ranks;
  std::vector<Link> links;
  std::vector<uint64_t> heap;
  std::vector<bool> dead_ends;        // places of a word behind which nothing stands (LinearBpe)
  std::vector<size_t> unknown_sizes;  // bytes of the word's unknown tokens, in order
  std::string word;
  std::vector<LatticeNode> nodes;
  std::vector<SingleLatticeNode> single_nodes;
  std::vector<WordToken> path;
};

// Immutable.
class Model {
 public:
  virtual ~Model() = default;
  // Appends the ids of `word`, which is not empty. Throws Error for a character without a token
  // where there is no unknown token.
  virtual void append_ids(std::string_view word, ModelScratch& scratch,
                          std::vector<int32_t>& ids) const = 0;
  // Appends those of the words of text[begin..] that end at `ends`.
  virtual void append_words(std::string_view text, size_t begin, std::span<const size_t> ends,
                            ModelScratch& scratch, std::vector<int32_t>& ids) const {
    for (const size_t end : ends) {
      append_ids(text.substr(begin, end - begin), scratch, ids);
      begin = end;
    }
  }
  // The same tokens with their places, in order; slower.
  virtual void append_tokens(std::string_view word, ModelScratch& scratch,
                             std::vector<WordToken>& tokens) const = 0;
  // -1: there is none.
  virtual int32_t unknown_id() const = 0;
  // Of merges, where there is a dropout key.
  virtual double dropout() const { return 0; }
  // "bpe", "wordpiece", ...
  virtual std::string_view name() const = 0;
};

// What make_model() knows, for messages.
inline constexpr std::string_view kKnownModels = "BPE, Unigram, WordLevel, WordPiece";

// Whether words may be bytes, which the vocabulary writes as letters (byte_alphabet.h). Throws
// Error as make_model() does.
bool model_takes_bytes(const TokenizerDocument& document, const std::string& origin);

// The model that the document describes. `byte_level`: words are bytes; only where it takes them.
// `vocabulary` must outlive the model. Throws Error, beginning with `origin`, for what is malformed
// or unknown.
std::unique_ptr<const Model> make_model(const TokenizerDocument& document,
                                        const Vocabulary& vocabulary, bool byte_level,
                                        const std::string& origin);

}  // namespace weft::text
