#include "data/document_rows.h"

#include <algorithm>
#include <string>

#include "weft/error.h"

namespace weft::data {
namespace {

constexpr int64_t kMaxTokens = int64_t{1} << 40;
constexpr int64_t kMaxLength = int64_t{1} << 24;

}  // namespace

DocumentRows::DocumentRows(const TokenStream& stream, const DocumentRowOptions& options)
    : stream_(stream), options_(options) {
  WEFT_ASSERT(options.sequence_len > 0 && options.sequence_len <= kMaxLength);
  if (stream.tokens() > kMaxTokens)
    throw Error(stream.name() + " has " + std::to_string(stream.tokens()) +
                " tokens; rows of documents are planned for at most " + std::to_string(kMaxTokens) +
                "; use packing_strategy: wrapped");
  const std::vector<Piece> pieces = cut(stream);
  if (pieces.empty())
    throw Error(stream.name() +
                " has no document of two tokens or more, so there is nothing to predict; give "
                "more text");
  std::vector<int32_t> lengths;
  for (const Piece& piece : pieces) lengths.push_back(static_cast<int32_t>(piece.length()));
  PackingPlan plan = options.packed
                         ? pack_best_fit(lengths, static_cast<int32_t>(options.sequence_len))
                         : one_to_a_row(lengths, options.by_length);
  for (const int64_t piece : plan.pieces) pieces_.push_back(pieces[static_cast<size_t>(piece)]);
  row_begins_ = std::move(plan.row_begins);
}

std::vector<DocumentRows::Piece> DocumentRows::cut(const TokenStream& stream) {
  std::vector<Piece> pieces;
  stream.for_each_document([&](int64_t begin, int64_t end) {
    const int64_t labels = end - begin - 1;
    documents_without_labels_ += labels < 1;
    cut_documents_ += labels > options_.sequence_len;
    total_labels_ += std::max<int64_t>(labels, 0);
    for (int64_t at = 0; at < labels; at += options_.sequence_len)
      pieces.emplace_back(begin + at, std::min(options_.sequence_len, labels - at));
  });
  return pieces;
}

int64_t DocumentRows::labels(int64_t index) const {
  WEFT_ASSERT(index >= 0 && index < size());
  int64_t count = 0;
  const auto row = static_cast<size_t>(index);
  for (int64_t piece = row_begins_[row]; piece < row_begins_[row + 1]; ++piece)
    count += pieces_[static_cast<size_t>(piece)].length();
  return count;
}

double DocumentRows::fill() const {
  return static_cast<double>(total_labels_) /
         (static_cast<double>(size()) * static_cast<double>(options_.sequence_len));
}

void DocumentRows::read_piece(const Piece& piece, int64_t at, const SequenceRow& row) const {
  const auto first = static_cast<size_t>(at), count = static_cast<size_t>(piece.length());
  const std::span<int32_t> ids = row.input_ids.subspan(first, count);
  const std::span<int32_t> labels = row.labels.subspan(first, count);
  stream_.read(piece.start(), ids);
  std::copy(ids.begin() + 1, ids.end(), labels.begin());
  stream_.read(piece.start() + piece.length(), labels.last(1));
  std::fill_n(row.positions.begin() + at, count, static_cast<int32_t>(at));
}

int64_t DocumentRows::read(int64_t index, const SequenceRow& row) const {
  WEFT_ASSERT(index >= 0 && index < size());
  const auto number = static_cast<size_t>(index);
  int64_t at = 0, last_begin = 0;
  for (int64_t i = row_begins_[number]; i < row_begins_[number + 1]; ++i) {
    const Piece& piece = pieces_[static_cast<size_t>(i)];
    read_piece(piece, at, row);
    last_begin = at;
    at += piece.length();
  }
  std::fill(row.input_ids.begin() + at, row.input_ids.end(), 0);
  std::fill(row.labels.begin() + at, row.labels.end(), kIgnoredLabel);
  std::fill(row.positions.begin() + at, row.positions.end(), static_cast<int32_t>(last_begin));
  options_.document_mask ? set_within_documents(row) : set_causal(row);
  return at;
}

}  // namespace weft::data
