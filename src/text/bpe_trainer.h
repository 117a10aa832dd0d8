// Learns byte-pair encodings (Sennrich et al., 2016, arXiv:1508.07909) from counted words: over
// bytes as in GPT-2, and over characters with bytes for the rare ones as in Llama 2. Not here:
// counting (word_counts.h), merging (merge_learner.h), encoding (bpe_model.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "text/text_trainer.h"
#include "text/tokenizer.h"
#include "text/word_counts.h"

namespace weft::text {

struct BpeTrainOptions {
  // Special tokens, 256 bytes and merges together. Fewer where the corpus runs out of pairs.
  int32_t vocab_size = 32000;
  // Ids from 0 on. The first ends a text.
  std::vector<std::string> special_tokens = {"<|endoftext|>"};
  // Pairs that occur less often are not merged.
  int64_t min_frequency = 2;
  // Called now and then with the tokens there are; vocab_size is the goal.
  std::function<void(int64_t tokens)> progress = {};
};

// Throws Error for a vocabulary too small for bytes and special tokens, or above 2^22, for special
// tokens that are empty or there twice, for a corpus without words, and for words that were not cut
// by a rule. The result depends on the counts and options alone, and equals that of Hugging Face's
// BpeTrainer (all bytes in its initial alphabet): the most frequent pair first, among equal ones
// that with the lower ids.
std::unique_ptr<const Tokenizer> train_bpe(const WordCounts& words, const BpeTrainOptions& options);

// For train_byte_fallback_bpe(): spaces become U+2581, and one more goes before a text; nothing
// else is changed, so that decoding gives any text back. Tokens hold one kind of characters, and
// digits are always single.
WordComponents byte_fallback_words();

// <unk>, <s> and </s> are ids 0 to 2, then come further special tokens, 256 bytes, characters and
// merges. A text begins with <s>; characters without a token become their bytes. Throws Error as
// train_bpe() does.
std::unique_ptr<const Tokenizer> train_byte_fallback_bpe(const WordCounts& words,
                                                         const TextTrainOptions& options);

}  // namespace weft::text
