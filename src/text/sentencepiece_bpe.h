// Byte-pair encoding in SentencePiece's manner: of all neighbours that make a piece, those with the
// best score merge first. Not here: merges by rank (bpe_model.h), unknown pieces
// (sentencepiece_tokenizer.h).
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/byte_trie.h"
#include "text/model.h"
#include "text/sentencepiece_file.h"

namespace weft::text {

class SentencePieceBpe {
 public:
  // `file` must outlive it.
  explicit SentencePieceBpe(const SentencePieceFile& file);

  // Leaves the pieces of `text` in scratch.path, in order; characters that are no piece have the
  // unknown id.
  void find_path(std::string_view text, ModelScratch& scratch) const;

 private:
  // A part of the text; those merged into the one before have no bytes left.
  struct Symbol {
    size_t begin, end;
    size_t before, after;  // kNone: there is none
    bool frozen;           // user-defined: merges with nothing
  };
  struct Pair {
    float score;
    size_t left, right;
    size_t size;  // in bytes, by which a pair that is out of date is known
    // Order of a heap whose top merges first: best score, then leftmost.
    bool operator<(const Pair& other) const {
      return score < other.score || (score == other.score && left > other.left);
    }
  };
  class Pass;
  static constexpr size_t kNone = SIZE_MAX;

  const SentencePieceFile& file_;
  StringTable ids_;  // of all pieces that text can have
  ByteTrie user_defined_;
  bool has_unused_ = false;
};

}  // namespace weft::text
