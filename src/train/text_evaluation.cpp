#include "train/text_evaluation.h"

#include <algorithm>

#include "data/sampler.h"
#include "nn/decoder.h"

namespace weft::train {
namespace {

std::vector<runtime::ForwardGraph> loss_graph(const nn::DecoderSpec& spec,
                                              const EvaluationShape& shape) {
  if (shape.time > spec.max_positions)
    throw Error("windows of " + std::to_string(shape.time) +
                " tokens do not fit the model, which "
                "is made for " +
                std::to_string(spec.max_positions));
  Graph graph;
  const Value loss = nn::build_loss(graph, spec,
                                    {.batch = shape.batch,
                                     .time = shape.time,
                                     .key_range = shape.document_mask,
                                     .dropout = false});
  std::vector<runtime::ForwardGraph> graphs;
  graphs.push_back(runtime::build_forward_graph("evaluation", graph.data(), {loss}, shape.compute));
  return graphs;
}

}  // namespace

void copy_inputs(const data::Batch& batch, const runtime::HostInputs& inputs) {
  const auto copy = [&](std::string_view name, const std::vector<int32_t>& from) {
    if (!inputs.has(name)) return;
    const graph::Tensor to = inputs.find(name, DType::kI32);
    WEFT_ASSERT(to.type.shape.elements() == static_cast<int64_t>(from.size()));
    std::copy(from.begin(), from.end(), to.as<int32_t>());
  };
  copy(nn::kInputIds, batch.input_ids);
  copy(nn::kPositions, batch.positions);
  copy(nn::kLabels, batch.labels);
  copy(nn::kKeyRange, batch.key_range);
}

TextEvaluation::TextEvaluation(const nn::DecoderSpec& spec, const io::TensorSet& tensors,
                               const EvaluationShape& shape)
    : shape_(shape), session_(loss_graph(spec, shape), shape.threads, shape.device) {
  session_.load(tensors, spec);
}

EvaluationResult TextEvaluation::run(const data::TokenSequences& sequences,
                                     const std::atomic<int>& interrupts) {
  const data::EvaluationBatches batches(sequences, shape_.batch);
  data::Batch batch(shape_.batch, shape_.time);
  EvaluationResult result;
  for (int64_t i = 0; i < batches.size(); ++i) {
    if (interrupts.load() > 0) throw Error("interrupted", ExitCode::kInterrupted);
    batches.fill(i, batch);
    copy_inputs(batch, session_.programs().inputs(0));
    session_.run(0);
    result.loss += static_cast<double>(*session_.programs().output(0, 0).as<float>());
    result.tokens += batch.tokens;
  }
  result.loss /= static_cast<double>(std::max<int64_t>(1, result.tokens));
  return result;
}

IdSequences::IdSequences(std::vector<int32_t> ids, std::vector<int64_t> document_starts,
                         int64_t sequence_len)
    : ids_(std::move(ids)),
      document_starts_(std::move(document_starts)),
      sequence_len_(sequence_len) {
  if (ids_.size() < 2)
    throw Error("the text has " + std::to_string(ids_.size()) +
                " tokens; at least 2 are needed to predict one from another");
}

int64_t IdSequences::size() const {
  const int64_t labels = static_cast<int64_t>(ids_.size()) - 1;
  return (labels + sequence_len_ - 1) / sequence_len_;
}

// row[t]: where in the row the document of token `begin` + t begins, 0 if it does before the row.
void IdSequences::set_document_begins(size_t begin, std::span<int32_t> row) const {
  std::fill(row.begin(), row.end(), 0);
  const int64_t first = static_cast<int64_t>(begin), end = first + sequence_len_;
  auto start = std::upper_bound(document_starts_.begin(), document_starts_.end(), first);
  for (; start != document_starts_.end() && *start < end; ++start)
    std::fill(row.begin() + (*start - first), row.end(), static_cast<int32_t>(*start - first));
}

int64_t IdSequences::read(int64_t index, const data::SequenceRow& row) const {
  const size_t begin = static_cast<size_t>(index * sequence_len_);
  const size_t count = std::min(static_cast<size_t>(sequence_len_), ids_.size() - 1 - begin);
  std::fill(row.input_ids.begin(), row.input_ids.end(), 0);
  std::fill(row.labels.begin(), row.labels.end(), data::kIgnoredLabel);
  for (size_t t = 0; t < count; ++t) {
    row.input_ids[t] = ids_[begin + t];
    row.labels[t] = ids_[begin + t + 1];
  }
  set_document_begins(begin, row.positions);
  data::set_within_documents(row);
  return static_cast<int64_t>(count);
}

}  // namespace weft::train
