// The best segmentation under a unigram language model (Kudo, 2018, arXiv:1804.10959): Viterbi over
// all pieces that match at each place. Not here: what becomes of unknown characters
// (unigram_model.h, sentencepiece_tokenizer.h), training.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/double_array.h"
#include "text/model.h"

namespace weft::text {

class UnigramLattice {
 public:
  // Of sums in single precision, which would lose the differences of scores further away from 0.
  static constexpr float kLargestSum = 100000;

  // A piece that is there already gets the new id and score. `piece` must live until finish().
  void add(std::string_view piece, int32_t id, double score);
  // SentencePiece: wins over all other ways; its score, which is returned, is 0.1 for each byte
  // after the first.
  double add_user_defined(std::string_view piece, int32_t id);
  // After the last piece: only then are they found.
  void finish();
  // What a character costs that is no piece by itself.
  void set_unknown(int32_t id, double score) {
    unknown_id_ = id;
    unknown_score_ = score;
  }

  // Leaves the pieces of `text` in scratch.path, in order, and returns the sum of their scores.
  // Sums begin with `start` and are of type Float: double in Hugging Face's library, float in
  // SentencePiece, where a sum beyond kLargestSum is taken off from all that follows. Of equal sums
  // the first one found stays: that whose last piece is longest.
  template <class Float>
  Float find_path(std::string_view text, ModelScratch& scratch, Float start = 0) const;

  // After find_path<double>() of `text`: the greatest magnitude of sums at which single precision
  // finds the same path. Rounding errors stay below the least difference that decided the path.
  static float single_precision_limit(std::string_view text, const ModelScratch& scratch);

  // Whether every piece keeps U+2581 to its start, so that text may be cut before one that follows
  // another character.
  bool cuts_at_spaces() const { return cuts_at_spaces_; }

 private:
  template <class Node>
  void extend(std::string_view text, size_t at, uint32_t character, std::vector<Node>& nodes) const;
  void begin_sums_again(std::span<SingleLatticeNode> nodes) const;

  struct Piece {
    double score;
    int32_t id;
  };

  std::vector<DoubleArray::Entry> added_;
  DoubleArray trie_;
  std::vector<Piece> pieces_;  // by the trie's values
  size_t longest_ = 4;         // bytes of a piece, or of a character
  int32_t unknown_id_ = 0;
  double unknown_score_ = 0;
  bool cuts_at_spaces_ = true;
};

// Whether a U+2581 in `piece` follows another character.
bool has_inner_space_mark(std::string_view piece);

}  // namespace weft::text
