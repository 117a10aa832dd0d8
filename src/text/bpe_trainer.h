// Learns a byte-level byte-pair encoding (Sennrich et al., 2016, arXiv:1508.07909; over bytes as in
// GPT-2) from counted words. Not here: counting (word_counts.h), encoding (bpe_model.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

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
// tokens that are empty or there twice, and for a corpus without words. The result depends on the
// counts and options alone, and equals that of Hugging Face's BpeTrainer (all bytes in its initial
// alphabet): the most frequent pair first, among equal ones that with the lower ids.
std::unique_ptr<const Tokenizer> train_bpe(const WordCounts& words, const BpeTrainOptions& options);

}  // namespace weft::text
