// What trainers of tokenizers over characters have in common: their options, and the head of their
// vocabularies. Not here: the trainers (bpe_trainer.h, word_piece_trainer.h, unigram_trainer.h).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "text/text_alphabet.h"
#include "text/tokenizer_writer.h"
#include "text/word_counts.h"

namespace weft::text {

struct TextTrainOptions {
  // All tokens together. Fewer where the corpus does not give as many.
  int32_t vocab_size = 32000;
  // Behind those that the model needs.
  std::vector<std::string> special_tokens = {};
  // What occurs less often is no token.
  int64_t min_frequency = 2;
  // The part of all characters that have tokens.
  double character_coverage = 0.9995;
  // Called now and then with the tokens there are; vocab_size is the goal.
  std::function<void(int64_t tokens)> progress = {};
};

// Throws Error for a size outside of [least, 2^22]; `what` says what the least holds.
void check_vocab_size(int64_t given, int64_t least, const std::string& what);

// Throws Error for names that are empty or there twice.
void check_special_tokens(std::span<const std::string> names);

// `first` and the options' special tokens as the head of a vocabulary and as added tokens.
std::vector<std::string> special_head(std::vector<std::string> first,
                                      const TextTrainOptions& options,
                                      std::vector<AddedToken>& added);

// The letters of `alphabet` as tokens behind `vocab`, each after `prefix`.
void append_characters(const TextAlphabet& alphabet, const std::string& prefix,
                       std::vector<std::string>& vocab);

}  // namespace weft::text
