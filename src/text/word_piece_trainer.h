// Learns the vocabulary of WordPiece (Schuster and Nakajima, 2012; as BERT uses it) from counted
// words, by merges of the most frequent pairs, as Hugging Face's trainer does. Not here: encoding
// (word_piece_model.h).
#pragma once

#include <memory>

#include "text/text_trainer.h"
#include "text/tokenizer.h"
#include "text/word_counts.h"

namespace weft::text {

// BERT's words. `lowercase`: accents go as well.
WordComponents word_piece_words(bool lowercase);

// [PAD], [UNK], [CLS], [SEP] and [MASK] are ids 0 to 4, then come further special tokens,
// characters, the same after "##", and what is merged of them. A text is framed by [CLS] and [SEP].
// Words with a character without a token are unknown as a whole. Throws Error as train_bpe() does.
std::unique_ptr<const Tokenizer> train_word_piece(const WordCounts& words,
                                                  const TextTrainOptions& options);

}  // namespace weft::text
