// Byte-pair encoding of bytes without merging them, in linear time. Merges never reach over the end
// of a token that stays, and what they do on one side of it depends on that side alone; so tokens
// are what the merges make of a text if and only if each two neighbours are what they make of those
// two (Berglund and van der Merwe, 2023, arXiv:2309.08715). They are found from left to right: the
// longest token that may stand behind the one before, taken back where nothing may follow it.
// Not here: merging (bpe_model.h).
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/double_array.h"
#include "text/merge_table.h"
#include "text/model.h"

namespace weft::text {

// Immutable.
class LinearBpe {
 public:
  // A merge of two tokens into another, whose bytes are theirs.
  struct Rule {
    int32_t left, right, whole;
  };
  // Nodes of the trie of tokens; a vocabulary of more is not taken.
  static constexpr size_t kMaxNodes = size_t{1} << 20;

  // Takes no words: knows() is false.
  LinearBpe() = default;
  // `rules` by rank, as `merges` has them, which must outlive this; the token of each byte; ids are
  // below `ids`.
  LinearBpe(std::span<const Rule> rules, const MergeTable& merges,
            const std::array<int32_t, 256>& symbol_of_byte, size_t ids);

  // Whether the vocabulary is of the kind that is encoded so: each byte has a token, and no merge
  // comes before those that make its two tokens, as in all vocabularies that were learned. Only
  // then do merges happen in the order of their ranks, by which tokens are taken apart here.
  bool knows() const { return merges_ != nullptr; }
  // Whether the merges make this token of its own bytes. Others are part of no text's tokens.
  bool makes(int32_t id) const {
    return tokens_[static_cast<size_t>(id)].order != Token::kNeverMade;
  }
  // Appends the ids of `word` to scratch.ids. False, and nothing is appended, where that takes
  // many more steps than the word has bytes, as with tokens that are hundreds of merges deep.
  bool append_ids(std::string_view word, ModelScratch& scratch) const;

 private:
  struct Token {
    static constexpr uint32_t kNeverMade = UINT32_MAX;
    int32_t left = -1, right = -1;  // of which it is made
    uint32_t order = kNeverMade;    // rank of that merge and 1; 0: a byte
    int32_t shorter = -1;           // the longest token that it begins with, or -1
    uint32_t size = 0;              // in bytes
  };
  class Builder;

  const Token& token(int32_t id) const { return tokens_[static_cast<size_t>(id)]; }
  static size_t pair_of(char left, char right) {
    return size_t{static_cast<uint8_t>(left)} << 8 | static_cast<uint8_t>(right);
  }
  bool stay_apart(int32_t left, int32_t right, size_t& steps) const;
  int32_t longest_at(std::string_view text, size_t at) const;
  bool may_follow(std::string_view part, size_t at, int32_t before, int32_t next,
                  size_t& steps) const;
  bool append_part(std::string_view part, ModelScratch& scratch) const;
  // On the way through a part: `id` is the candidate for the next token.
  struct Place {
    size_t at = 0;
    int32_t id = -1;
  };
  void take_back(size_t part_size, Place& place, ModelScratch& scratch) const;

  const MergeTable* merges_ = nullptr;
  std::vector<Token> tokens_;     // by id
  std::bitset<65536> is_inside_;  // by pair_of() two bytes: some token has them side by side
  std::array<int32_t, 256> symbol_of_byte_{};
  DoubleArray trie_;
};

}  // namespace weft::text
