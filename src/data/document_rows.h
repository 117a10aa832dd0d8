// Documents as rows: several whole ones to a row (packing), or one to a row. What a row has left is
// padding. Rows depend on the documents alone; in which order they are read is sampler.h's.
#pragma once

#include <cstdint>
#include <vector>

#include "data/packing.h"
#include "data/sequences.h"
#include "data/token_stream.h"

namespace weft::data {

struct DocumentRowOptions {
  int64_t sequence_len = 0;
  bool packed = true;          // several documents to a row, best fit; otherwise one
  bool document_mask = false;  // tokens see their own document, and positions start anew with each
  bool by_length = false;      // not packed: shorter rows have lower numbers
};

// A document of n tokens has n - 1 labels, its last token being the last of them, and takes as many
// places of a row. Longer documents are cut into rows of their own and a rest; a cut is not a loss:
// every token but the first of a document is a label once. Padding has token 0 and labels that do
// not count. Memory: 8 bytes for each document and each row.
class DocumentRows final : public TokenSequences {
 public:
  // `stream` must outlive this. Throws Error if no document has two tokens, or if the stream has
  // more tokens than 2^40.
  DocumentRows(const TokenStream& stream, const DocumentRowOptions& options);

  int64_t size() const override { return static_cast<int64_t>(row_begins_.size()) - 1; }
  int64_t sequence_len() const override { return options_.sequence_len; }
  int64_t labels(int64_t index) const override;
  int64_t read(int64_t index, const SequenceRow& row) const override;

  double total_labels() const override { return static_cast<double>(total_labels_); }
  // The share of all places that hold tokens.
  double fill() const;
  int64_t cut_documents() const { return cut_documents_; }
  int64_t documents_without_labels() const { return documents_without_labels_; }

 private:
  // First token (40 bits) and length - 1 (24 bits), for there may be many.
  class Piece {
   public:
    Piece(int64_t start, int64_t length)
        : bits_(static_cast<uint64_t>(start) << 24 | static_cast<uint64_t>(length - 1)) {}
    int64_t start() const { return static_cast<int64_t>(bits_ >> 24); }
    int64_t length() const { return static_cast<int64_t>(bits_ & 0xFFFFFF) + 1; }

   private:
    uint64_t bits_;
  };

  std::vector<Piece> cut(const TokenStream& stream);
  void read_piece(const Piece& piece, int64_t at, const SequenceRow& row) const;

  const TokenStream& stream_;
  DocumentRowOptions options_;
  std::vector<Piece> pieces_;  // row by row
  std::vector<int64_t> row_begins_;
  int64_t total_labels_ = 0;
  int64_t cut_documents_ = 0;
  int64_t documents_without_labels_ = 0;
};

}  // namespace weft::data
