// The two rules of splitting.
#include "data/splitter.h"

#include <algorithm>
#include <cmath>

#include "data/content_hash.h"

namespace weft::data {
namespace {

// The unit in which a single document is split, and the length from which `tail` cuts a document.
constexpr int64_t kUnitBytes = 64 << 10;
constexpr int64_t kPieceBytes = 1 << 20;
// A single document that is shorter than a unit is cut into about this many, none of them shorter
// than the least.
constexpr int64_t kUnitsOfShortDocument = 20;
constexpr int64_t kLeastUnitBytes = 64;

// The line end at or after `wanted` within the text, else the last one before it, else 0.
size_t line_end_near(std::string_view text, size_t wanted) {
  if (wanted >= text.size()) return 0;
  const size_t after = text.find('\n', wanted > 0 ? wanted - 1 : 0);
  if (after != text.npos && after + 1 < text.size()) return after + 1;
  const size_t before = text.substr(0, wanted).rfind('\n');
  return before == text.npos ? 0 : before + 1;
}

}  // namespace

SplitPlan make_plan(const SplitOptions& options, const InputFiles& inputs) {
  if (!(options.size >= 0 && options.size < 1))
    throw Error("val_split size " + std::to_string(options.size) +
                " is not allowed; give a share from 0 (no validation split) to below 1, say 0.05");
  SplitPlan plan{.by = options.by, .none = options.size == 0};
  plan.pieces_are_units = !plan.none && plan.by == SplitBy::kHash && inputs.files.size() == 1 &&
                          inputs.files.front().kind == InputKind::kText;
  plan.piece_bytes = plan.pieces_are_units ? kUnitBytes : kPieceBytes;
  plan.validation_below = static_cast<uint64_t>(std::ldexp(options.size, 64));
  plan.validation_begin =
      static_cast<int64_t>((1 - options.size) * static_cast<double>(inputs.bytes));
  return plan;
}

Splitter::Splitter(TextReader& reader, const SplitPlan& plan, uint64_t seed)
    : reader_(reader), plan_(plan), seed_(seed) {}

bool Splitter::next(TextPiece& piece, Split& split) {
  if (rest_) {
    piece = std::move(*rest_);
    rest_.reset();
    split = Split::kValidation;
  } else {
    if (!reader_.next(piece)) return false;
    if (piece.begins_document) ++documents_;
    text_bytes_ += static_cast<int64_t>(piece.text.size());
    split = split_of(piece);
  }
  seen_[static_cast<size_t>(split)] = true;
  return true;
}

Split Splitter::split_of(TextPiece& piece) {
  if (plan_.none) return Split::kTrain;
  if (plan_.by == SplitBy::kTail) return split_by_tail(piece);
  return split_by_hash(plan_.pieces_are_units ? hash64(piece.text, seed_) : piece.document_hash);
}

Split Splitter::split_by_hash(uint64_t hash) {
  least_hash_ = std::min(least_hash_, hash);
  largest_hash_ = std::max(largest_hash_, hash);
  return hash < plan_.validation_below ? Split::kValidation : Split::kTrain;
}

Split Splitter::split_by_tail(TextPiece& piece) {
  if (piece.input_begin >= plan_.validation_begin) return Split::kValidation;
  if (piece.input_end <= plan_.validation_begin) return Split::kTrain;
  const bool short_document = piece.begins_document && piece.ends_document &&
                              static_cast<int64_t>(piece.text.size()) <= kUnitBytes;
  if (short_document && !plan_.cut_short_documents) return Split::kTrain;
  const double share = static_cast<double>(plan_.validation_begin - piece.input_begin) /
                       static_cast<double>(piece.input_end - piece.input_begin);
  const double wanted = share * static_cast<double>(piece.text.size());
  if (const size_t at = line_end_near(piece.text, static_cast<size_t>(wanted))) cut(piece, at);
  return Split::kTrain;
}

void Splitter::cut(TextPiece& piece, size_t at) {
  rest_ = piece;
  rest_->text.erase(0, at);
  rest_->begins_document = false;
  rest_->input_begin = plan_.validation_begin;
  piece.text.erase(at);
  piece.ends_document = false;
  piece.input_end = plan_.validation_begin;
}

std::optional<SplitPlan> Splitter::revise() const {
  if (plan_.none || documents_ == 0) return std::nullopt;
  if (plan_.by == SplitBy::kHash) return revise_hash();
  const bool no_validation = !seen_[static_cast<size_t>(Split::kValidation)];
  if (!no_validation || plan_.cut_short_documents) return std::nullopt;
  SplitPlan better = plan_;
  better.cut_short_documents = true;
  return better;
}

std::optional<SplitPlan> Splitter::revise_hash() const {
  SplitPlan better = plan_;
  if (documents_ == 1 && !plan_.pieces_are_units) {
    better.pieces_are_units = true;
    better.piece_bytes = kUnitBytes;
    return better;
  }
  if (least_hash_ == largest_hash_) {
    better.piece_bytes = std::max(text_bytes_ / kUnitsOfShortDocument, kLeastUnitBytes);
    if (!plan_.pieces_are_units || better.piece_bytes >= plan_.piece_bytes) return std::nullopt;
    return better;
  }
  const bool no_train = !seen_[0], no_validation = !seen_[1];
  if (no_validation) better.validation_below = least_hash_ + 1;
  if (no_train) better.validation_below = largest_hash_;
  return no_train || no_validation ? std::optional(better) : std::nullopt;
}

}  // namespace weft::data
