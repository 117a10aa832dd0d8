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
  while (document_.empty())
    if (!next_record(document_)) return false;
  hash_ = hash64(document_, context_.options.hash_seed);
  return true;
}

std::string RecordReader::place_text() const {
  return printable(context_.file.name().native()) + ":" + std::to_string(place().line);
}

void RecordReader::count(std::string_view reason, int64_t number) const {
  context_.left_out.add(
      reason, [&] { return place_text(); }, number);
}

std::string RecordReader::too_long_to_mend(size_t bytes) {
  return "at most " + std::to_string(kLargestMended) + " bytes are mended, it has " +
         std::to_string(bytes);
}

void RecordReader::append_text(std::string_view text, std::string& document) const {
  const size_t invalid = first_invalid_utf8(text);
  if (invalid == kAllValid) document.append(text);
  else if (may_replace(
               [&] {
                 return std::string(text[invalid] == '\0' ? "a NUL character in its text"
                                                          : "text that is no UTF-8");
               },
               text.size()))
    count(kReplacedReason, append_with_replacements(text, document));
}

std::string RecordReader::too_long() const {
  return "the record has more than " + std::to_string(context_.options.max_line_bytes) +
         " bytes; cut it, or give it as a .txt file of its own";
}

}  // namespace weft::data
