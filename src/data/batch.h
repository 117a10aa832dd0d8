// One micro-batch of token sequences, and who gives batches. Where the tokens come from and in what
// order is not told here.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weft/error.h"

namespace weft::data {

// A label that does not count.
inline constexpr int32_t kIgnoredLabel = -100;

// One row of a batch; T is its length. `key_range` holds two numbers for each token.
struct SequenceRow {
  std::span<int32_t> input_ids;  // [T]
  std::span<int32_t> labels;     // [T] the next token, or kIgnoredLabel
  std::span<int32_t> positions;  // [T]
  std::span<int32_t> key_range;  // [T, 2] the keys that token t attends to: [begin, t + 1)
};

// Every token attends to all before it in the row.
inline void set_causal(const SequenceRow& row) {
  for (size_t t = 0; t < row.positions.size(); ++t) {
    row.positions[t] = static_cast<int32_t>(t);
    row.key_range[2 * t] = 0;
    row.key_range[2 * t + 1] = static_cast<int32_t>(t) + 1;
  }
}

// Every token attends to its own document's tokens before it, and positions start anew with each
// document. Until now row.positions holds where in the row the document of each token begins.
inline void set_within_documents(const SequenceRow& row) {
  for (size_t t = 0; t < row.positions.size(); ++t) {
    const int32_t begin = row.positions[t];
    row.positions[t] = static_cast<int32_t>(t) - begin;
    row.key_range[2 * t] = begin;
    row.key_range[2 * t + 1] = static_cast<int32_t>(t) + 1;
  }
}

// Row-major arrays, allocated once. B rows of T tokens.
struct Batch {
  Batch(int64_t batch_rows, int64_t batch_sequence_len)
      : rows(batch_rows),
        sequence_len(batch_sequence_len),
        input_ids(size()),
        labels(size()),
        positions(size()),
        key_range(2 * size()) {}

  SequenceRow row(int64_t index) {
    WEFT_ASSERT(index >= 0 && index < rows);
    const size_t at = static_cast<size_t>(index * sequence_len);
    const size_t count = static_cast<size_t>(sequence_len);
    return {.input_ids = std::span(input_ids).subspan(at, count),
            .labels = std::span(labels).subspan(at, count),
            .positions = std::span(positions).subspan(at, count),
            .key_range = std::span(key_range).subspan(2 * at, 2 * count)};
  }

  int64_t rows;
  int64_t sequence_len;
  std::vector<int32_t> input_ids;  // [B, T]
  std::vector<int32_t> labels;     // [B, T]
  std::vector<int32_t> positions;  // [B, T]
  std::vector<int32_t> key_range;  // [B, T, 2]
  int64_t tokens = 0;              // labels that count

 private:
  size_t size() const { return static_cast<size_t>(rows * sequence_len); }
};

// Training batches. A batch is a pure function of its place, so that a run which was stopped, or
// goes on with other threads or ranks, sees the same ones.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual int64_t rows() const = 0;          // B
  virtual int64_t sequence_len() const = 0;  // T
  // How many micro-batches make a step, over all ranks.
  virtual int64_t micro_batches() const = 0;
  // How many labels of step `step` count: the loss is their mean. At least 1.
  virtual int64_t labels(int64_t) const { return rows() * micro_batches() * sequence_len(); }
  // Fills `out`, a batch of rows() x sequence_len(), with micro-batch `micro_batch` of step `step`,
  // both counted from 0. Allocates nothing. Any number of threads may call it.
  // Waits for data that are still being written.
  virtual void fill(int64_t step, int64_t micro_batch, Batch& out) const = 0;

  // Ends every wait of fill() for data that are still being written with an Error, now and from
  // then on. Any thread.
  virtual void stop_waiting() const {}

  Batch batch(int64_t step, int64_t micro_batch) const {
    Batch result(rows(), sequence_len());
    fill(step, micro_batch, result);
    return result;
  }
};

}  // namespace weft::data
