#include "data/record_reader.h"

#include "core/quote.h"
#include "data/content_hash.h"

namespace weft::data {

bool RecordReader::next(TextPiece& piece) {
  if (given_ == document_.size() && !next_document()) return false;
  const std::string_view rest = std::string_view(document_).substr(given_);
  const size_t limit = static_cast<size_t>(context_.options.piece_bytes);
  const size_t size = rest.size() > limit ? piece_end(rest, limit) : rest.size();
  piece.begins_document = given_ == 0;
  piece.ends_document = size == rest.size();
  piece.document_hash = hash_;
  piece.input_begin = input_place(given_);
  given_ += size;
  piece.input_end = input_place(given_);
  piece.file = &context_.file;
  piece.line = place().line;
  piece.cells = cells_;
  if (!piece.begins_document || !piece.ends_document) {
    piece.text.assign(document_, given_ - size, size);
    return true;
  }
  piece.text.swap(document_);
  document_.clear();
  given_ = 0;
  return true;
}

// The place among all input bytes that stands for byte `at` of the document: escapes and the rest
// of the record are spread over it evenly.
int64_t RecordReader::input_place(size_t at) const {
  const double share = static_cast<double>(at) / static_cast<double>(document_.size());
  const Place record = place();
  return context_.input_begin + record.begin +
         static_cast<int64_t>(share * static_cast<double>(record.end - record.begin));
}

// Reads records up to one that holds text.
bool RecordReader::next_document() {
  document_.clear();
  given_ = 0;
  while (document_.empty()) {
    try {
      if (!next_record(document_)) return false;
    } catch (const BadRecord& bad) {
      if (context_.options.bad_input == BadInput::kStop) throw;
      document_.clear();
      context_.left_out.add(bad.reason(), [&] { return std::string(bad.what()); });
    }
  }
  hash_ = hash64(document_, context_.options.hash_seed);
  return true;
}

std::string RecordReader::place_text() const {
  return printable(context_.file.name().native()) + ":" + std::to_string(place().line);
}

void RecordReader::count(std::string_view reason, int64_t number) {
  context_.left_out.add(
      reason, [&] { return place_text(); }, number);
}

bool RecordReader::may_replace(const std::string& found, size_t bytes) {
  constexpr size_t kLargestMended = size_t{8} << 20;
  switch (context_.options.invalid_utf8) {
    case InvalidUtf8::kReplace:
      if (bytes <= kLargestMended) return true;
      fail(kNoTextReason, "the line has " + found + "; at most " + std::to_string(kLargestMended) +
                              " bytes are mended, it has " + std::to_string(bytes));
    case InvalidUtf8::kSkip: count(kNoTextReason); return false;
    case InvalidUtf8::kError: break;
  }
  fail(kNoTextReason, "the line has " + found + "; " + std::string(kInvalidUtf8Advice));
}

void RecordReader::append_text(std::string_view text, std::string& document) {
  const size_t invalid = first_invalid_utf8(text);
  if (invalid == kAllValid) document.append(text);
  else if (may_replace(
               text[invalid] == '\0' ? "a NUL character in its text" : "text that is no UTF-8",
               text.size()))
    count(kReplacedReason, append_with_replacements(text, document));
}

void RecordReader::fail(std::string_view reason, const std::string& message) const {
  throw BadRecord(reason, place_text() + ": " + message);
}

void RecordReader::fail_too_long() const {
  fail(kTooLongReason, "the record has more than " +
                           std::to_string(context_.options.max_line_bytes) +
                           " bytes; cut it, or give it as a .txt file of its own");
}

}  // namespace weft::data
