// Which part of the text is held out for validation.
#pragma once

#include <cstdint>
#include <optional>

#include "data/dataset_manifest.h"
#include "data/text_reader.h"

namespace weft::data {

struct SplitOptions {
  // hash: documents whose hash falls below `size`; equal texts go to the same side, and texts that
  // are added later move none. A single document is cut at line ends into pieces of 64 KiB first,
  // or of a twentieth where it is shorter than one.
  // tail: the last part of all input, cut between documents or, within a long one, between lines.
  SplitBy by = SplitBy::kHash;
  double size = 0.05;  // share of validation, in [0, 1); 0 for none
  uint64_t seed = 0;   // of the hash
};

// How one pass over the text splits it. Most corpora need one pass; too few documents, of which
// none or all fall below `size`, or a single one, need another, which revise() plans.
struct SplitPlan {
  SplitBy by = SplitBy::kHash;
  bool none = false;                 // no validation split
  bool pieces_are_units = false;     // hash: pieces of a single document are split, not documents
  int64_t piece_bytes = 0;           // for the reader
  uint64_t validation_below = 0;     // hash: the hashes of validation
  int64_t validation_begin = 0;      // tail: the input byte where validation begins
  bool cut_short_documents = false;  // tail: cut also a document of at most 64 KiB
};
SplitPlan make_plan(const SplitOptions& options, const InputFiles& inputs);

// Pieces with their split. For one thread.
class Splitter {
 public:
  // `reader` must outlive this.
  Splitter(TextReader& reader, const SplitPlan& plan, uint64_t seed);

  // False at the end.
  bool next(TextPiece& piece, Split& split);
  // After the last piece: a better plan for the same text, if there is one.
  std::optional<SplitPlan> revise() const;
  int64_t documents() const { return documents_; }

 private:
  Split split_of(TextPiece& piece);
  Split split_by_hash(uint64_t hash);
  Split split_by_tail(TextPiece& piece);
  std::optional<SplitPlan> revise_hash() const;
  void cut(TextPiece& piece, size_t at);

  TextReader& reader_;
  SplitPlan plan_;
  uint64_t seed_;
  int64_t documents_ = 0;
  int64_t text_bytes_ = 0;
  std::optional<TextPiece> rest_;  // of a piece that was cut
  bool seen_[2] = {false, false};  // by split
  uint64_t least_hash_ = UINT64_MAX;
  uint64_t largest_hash_ = 0;
};

}  // namespace weft::data
