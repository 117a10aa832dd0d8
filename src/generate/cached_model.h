// A model that reads tokens one after another and remembers their keys and values: the programs of
// generation over one set of caches. It chooses no tokens (generate/generator.h does).
#pragma once

#include <span>
#include <vector>

#include "nn/decoder_spec.h"
#include "runtime/forward_set.h"

namespace weft::generate {

struct CacheOptions {
  int64_t batch = 1;     // sequences side by side
  int64_t capacity = 1;  // tokens that a sequence may have in all
  int64_t chunk = 64;    // tokens of a prompt that are read in one run
  DType compute = DType::kF32;
};

// The chunk that fits prompts of up to `prompt_tokens`: equal parts of a size at which products are
// fast, and little padding. A multiple of 16, so that every prompt is read by the same kernels.
int64_t chunk_for(int64_t prompt_tokens);

// The two programs: one only fills the caches with `chunk` tokens, the other reads one token of
// each sequence and gives logits.
std::vector<runtime::ForwardGraph> generation_graphs(const nn::DecoderSpec& spec,
                                                     const CacheOptions& options);

// Where the programs of generation_graphs() stand, and what runs them. All must outlive the model.
struct GenerationPrograms {
  const runtime::ForwardPrograms& programs;
  size_t first = 0;  // the place of the first of the two
  const ParallelFor& parallel;
};

class CachedModel {
 public:
  CachedModel(const nn::DecoderSpec& spec, const CacheOptions& options,
              const GenerationPrograms& programs);

  // Forgets all sequences.
  void reset();
  // Rules out the ids from `tokens` on: a model's vocabulary is often rounded up to more than its
  // tokenizer has, and nothing was ever trained behind those ids.
  void limit_vocabulary(int64_t tokens);
  // Appends tokens to the sequences, by row; rows may be empty. Returns logits [batch, vocabulary]
  // after the last token of each row (of rows without new tokens they mean nothing), valid until
  // the next call. Throws Error if a sequence outgrows the capacity.
  std::span<const float> append(std::span<const std::vector<int32_t>> tokens);
  // Row r becomes a copy of what row parents[r] was: how beams branch.
  void reorder(std::span<const int32_t> parents);

  int64_t batch() const { return options_.batch; }
  int64_t vocab_size() const { return spec_.vocab_size; }
  int64_t length(int64_t row) const { return lengths_[static_cast<size_t>(row)]; }

 private:
  struct Token {
    int64_t row, column;  // in the program's inputs
    int32_t id;
  };

  size_t program(bool decoding) const { return programs_.first + (decoding ? 1 : 0); }
  void clear_inputs(const runtime::HostInputs& inputs) const;
  void place(const runtime::HostInputs& inputs, const Token& token);
  void prefill(std::span<const std::vector<int32_t>> tokens);

  nn::DecoderSpec spec_;
  CacheOptions options_;
  GenerationPrograms programs_;
  int64_t tokens_;  // ids below may be predicted
  std::vector<int64_t> lengths_;
};

}  // namespace weft::generate
