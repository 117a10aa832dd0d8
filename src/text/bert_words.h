// BERT's way from text to ids in one pass: what BertNormalizer, BertPreTokenizer and WordPiece do
// one after the other, without the texts in between. Not here: the single steps (normalizer.h,
// pre_tokenizer.h), which the tests compare with this.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/normalizer.h"
#include "text/word_piece_model.h"

namespace weft::text {

class BertWords {
 public:
  explicit BertWords(const BertOptions& options);

  // Appends the ids of `text`. False, and nothing is appended, for the rare text whose marks must
  // be ordered before accents can be removed: the single steps do that.
  bool append_ids(std::string_view text, const WordPieceModel& model, ModelScratch& scratch,
                  std::vector<int32_t>& ids) const;

 private:
  enum class Kind : uint8_t { kLetter, kSpace, kPunctuation, kDropped, kNotAscii };
  class Pass;

  BertOptions options_;
  std::array<Kind, 256> kind_{};
  std::array<char, 256> letter_{};  // ASCII in the wanted case
};

}  // namespace weft::text
