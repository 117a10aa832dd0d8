// Windows over a token stream, and random tokens.
#include "data/sequences.h"

#include <algorithm>
#include <string>

#include "weft/philox.h"

namespace weft::data {

TokenWindows::TokenWindows(const TokenStream& stream, const WindowOptions& options)
    : stream_(stream), options_(options) {
  const int64_t len = options_.sequence_len;
  WEFT_ASSERT(len > 0);
  const int64_t labels = std::max<int64_t>(stream_.tokens() - 1, 0);
  size_ = options_.keep_partial ? (labels + len - 1) / len : labels / len;
  if (size_ > 0) return;
  throw Error(stream_.name() + " holds " + std::to_string(stream_.tokens()) +
              " tokens, a sequence needs " + std::to_string(options_.keep_partial ? 2 : len + 1) +
              " (sequence_len and one more, the last label); give more text or a smaller "
              "sequence_len");
}

int64_t TokenWindows::labels(int64_t index) const {
  return std::min(options_.sequence_len, stream_.tokens() - 1 - index * options_.sequence_len);
}

int64_t TokenWindows::read(int64_t index, const SequenceRow& row) const {
  WEFT_ASSERT(index >= 0 && index < size_);
  return read_window(stream_, index * options_.sequence_len, labels(index), options_.document_mask,
                     row);
}

int64_t read_window(const TokenStream& stream, int64_t begin, int64_t labels, bool document_mask,
                    const SequenceRow& row) {
  const size_t count = static_cast<size_t>(labels);
  stream.read(begin, row.input_ids.first(count));
  std::copy_n(row.input_ids.begin() + 1, count - 1, row.labels.begin());
  stream.read(begin + labels, row.labels.subspan(count - 1, 1));
  std::fill(row.input_ids.begin() + labels, row.input_ids.end(), 0);
  std::fill(row.labels.begin() + labels, row.labels.end(), kIgnoredLabel);
  if (!document_mask) {
    set_causal(row);
    return labels;
  }
  stream.document_begins(begin, row.positions.first(count));
  std::fill(row.positions.begin() + labels, row.positions.end(), row.positions[count - 1]);
  set_within_documents(row);
  return labels;
}

SyntheticSequences::SyntheticSequences(int32_t vocab_size, int64_t sequence_len, uint64_t seed)
    : vocab_size_(vocab_size),
      sequence_len_(sequence_len),
      key_(random_key(seed, "data.synthetic")) {
  WEFT_ASSERT(vocab_size > 0 && sequence_len > 0);
}

int32_t SyntheticSequences::token(int64_t sequence, int64_t position) const {
  const PhiloxBlock block =
      philox(key_, static_cast<uint64_t>(sequence), static_cast<uint64_t>(position / 4));
  const uint64_t word = block[static_cast<size_t>(position % 4)];
  return static_cast<int32_t>((word * static_cast<uint64_t>(vocab_size_)) >> 32);
}

int64_t SyntheticSequences::read(int64_t index, const SequenceRow& row) const {
  WEFT_ASSERT(index >= 0 && index < size());
  for (int64_t t = 0; t < sequence_len_; ++t)
    row.input_ids[static_cast<size_t>(t)] = token(index, t);
  std::copy(row.input_ids.begin() + 1, row.input_ids.end(), row.labels.begin());
  row.labels.back() = token(index, sequence_len_);
  set_causal(row);
  return sequence_len_;
}

}  // namespace weft::data
