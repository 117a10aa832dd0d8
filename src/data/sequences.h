// Sequences of a fixed length, each readable by its number: cut from a token stream, or made of
// random tokens for benchmarks. The order in which training reads them is sampler.h's.
#pragma once

#include <cstdint>

#include "data/batch.h"
#include "data/token_stream.h"

namespace weft::data {

class TokenSequences {
 public:
  virtual ~TokenSequences() = default;
  virtual int64_t size() const = 0;
  virtual int64_t sequence_len() const = 0;  // T
  // How many labels of sequence `index` count, without reading it.
  virtual int64_t labels(int64_t) const { return sequence_len(); }
  // Of all sequences; exact below 2^53.
  virtual double total_labels() const {
    return static_cast<double>(size()) * static_cast<double>(sequence_len());
  }
  // Every sequence has sequence_len() labels.
  virtual bool is_uniform() const { return false; }
  // Returns when `count` sequences are there, or all that will ever be: size() then. Only those of
  // a data set that is still being written wait; stop_waiting(), by any thread, ends that with an
  // Error, now and from then on.
  virtual int64_t wait_for(int64_t) const { return size(); }
  virtual void stop_waiting() const {}
  // Fills `row` (of length T) with sequence `index` of [0, size()); returns how many of its labels
  // count. Allocates nothing. Any number of threads may call it.
  virtual int64_t read(int64_t index, const SequenceRow& row) const = 0;
};

struct WindowOptions {
  int64_t sequence_len = 0;
  // Tokens see their own document only, and positions start anew with each document. The last token
  // of a document still has the first of the next one as its label: that is how a model learns what
  // texts begin with.
  bool document_mask = false;
  // The end of the stream that does not fill a window is a shorter one, padded with token 0 and
  // ignored labels; otherwise it is left out.
  bool keep_partial = false;
};

// Fills `row` with the window that begins at token `begin` and has `labels` labels; returns them.
int64_t read_window(const TokenStream& stream, int64_t begin, int64_t labels, bool document_mask,
                    const SequenceRow& row);

// Windows of sequence_len + 1 tokens over the concatenated documents, each overlapping the next by
// the one token that is a label here and an input there: every token but the stream's first is a
// label exactly once.
class TokenWindows final : public TokenSequences {
 public:
  // `stream` must outlive this. Throws Error if the stream holds not one sequence.
  TokenWindows(const TokenStream& stream, const WindowOptions& options);

  int64_t size() const override { return size_; }
  int64_t sequence_len() const override { return options_.sequence_len; }
  int64_t labels(int64_t index) const override;
  bool is_uniform() const override { return !options_.keep_partial; }
  int64_t read(int64_t index, const SequenceRow& row) const override;

 private:
  const TokenStream& stream_;
  WindowOptions options_;
  int64_t size_ = 0;
};

// Uniformly random tokens: sequence `index` depends on the seed and on nothing else.
class SyntheticSequences final : public TokenSequences {
 public:
  SyntheticSequences(int32_t vocab_size, int64_t sequence_len, uint64_t seed);

  int64_t size() const override { return int64_t{1} << 40; }
  int64_t sequence_len() const override { return sequence_len_; }
  int64_t read(int64_t index, const SequenceRow& row) const override;

 private:
  int32_t token(int64_t sequence, int64_t position) const;

  int32_t vocab_size_;
  int64_t sequence_len_;
  uint64_t key_;
};

}  // namespace weft::data
