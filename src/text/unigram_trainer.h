// Learns a unigram language model (Kudo, 2018, arXiv:1804.10959) from counted words: many seeds,
// expectation and maximization, and pruning of the pieces whose loss hurts least, as SentencePiece
// does it. Not here: the seeds (unigram_seeds.h), one round of estimation (unigram_estimator.h).
#pragma once

#include <memory>

#include "text/text_trainer.h"
#include "text/tokenizer.h"
#include "text/word_counts.h"
#include "weft/parallel_for.h"

namespace weft::text {

// Spaces become U+2581, and every word begins with one. `normalizes`: SentencePiece's nmt_nfkc
// (compatibility forms, white space as single spaces, none at the ends); else nothing is changed,
// so that decoding gives any text back.
WordComponents unigram_words(bool normalizes);

// <unk>, <s> and </s> are ids 0 to 2, then come further special tokens, 256 bytes and pieces, the
// most probable first. Characters without a piece become their bytes. The result does not depend on
// the number of threads. Throws Error as train_bpe() does.
std::unique_ptr<const Tokenizer> train_unigram(const WordCounts& words,
                                               const TextTrainOptions& options,
                                               const ParallelFor& parallel);

}  // namespace weft::text
