// The loss of a model over sequences of tokens.
#pragma once

#include <atomic>
#include <vector>

#include "data/sequences.h"
#include "runtime/forward_session.h"

namespace weft::train {

struct EvaluationResult {
  double loss = 0;  // nats per token
  int64_t tokens = 0;
};

struct EvaluationShape {
  int64_t batch = 1;
  int64_t time = 1;
  DType compute = DType::kF32;
  int threads = 1;
  runtime::DeviceChoice device = {};
  bool document_mask = false;  // tokens see the keys that their sequence names, not all before them
};

class TextEvaluation {
 public:
  TextEvaluation(const nn::DecoderSpec& spec, const io::TensorSet& tensors,
                 const EvaluationShape& shape);

  // Every sequence once, in order. Throws Error when `interrupts` is above 0.
  EvaluationResult run(const data::TokenSequences& sequences, const std::atomic<int>& interrupts);

 private:
  EvaluationShape shape_;
  runtime::ForwardSession session_;
};

// Windows over ids in memory; the last one may be shorter. Tokens see the documents of their window
// apart, as TokenWindows with a document mask has it; without documents, all before them.
class IdSequences final : public data::TokenSequences {
 public:
  // Throws Error if there are fewer than two ids: nothing could be predicted.
  IdSequences(std::vector<int32_t> ids, std::vector<int64_t> document_starts, int64_t sequence_len);
  int64_t size() const override;
  int64_t sequence_len() const override { return sequence_len_; }
  int64_t read(int64_t index, const data::SequenceRow& row) const override;

 private:
  void set_document_begins(size_t begin, std::span<int32_t> row) const;

  std::vector<int32_t> ids_;
  std::vector<int64_t> document_starts_;
  int64_t sequence_len_;
};

// Writes a batch into the inputs that a program has of these names.
void copy_inputs(const data::Batch& batch, const runtime::HostInputs& inputs);

}  // namespace weft::train
