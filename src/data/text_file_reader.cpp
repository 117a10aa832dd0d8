// A text file as one document.
#include <algorithm>

#include "core/quote.h"
#include "data/byte_reader.h"
#include "data/content_hash.h"
#include "data/text_reader.h"

namespace weft::data {
namespace {

// Cuts the bytes of a file into pieces, before anything is done about what is no text.
class RawPieces {
 public:
  explicit RawPieces(const FileContext& context)
      : limit_(static_cast<size_t>(context.options.piece_bytes)),
        reader_(context.files, context.source()) {
    refill();
    if (buffer_.starts_with(kByteOrderMark)) begin_ = kByteOrderMark.size();
    has_byte_order_mark_ = begin_ > 0;
  }

  bool has_byte_order_mark() const { return has_byte_order_mark_; }
  // Where the piece that next() gave begins in the file's content, and which part of the file holds
  // it.
  int64_t piece_begin() const { return piece_begin_; }
  int64_t place_begin() const { return place_begin_; }
  int64_t place_end() const { return place_end_; }
  std::string hash() const { return reader_.hash(); }
  bool at_end() const { return begin_ == buffer_.size(); }

  // The next piece, valid until the next call; not at the end.
  std::string_view next() {
    const std::string_view rest = std::string_view(buffer_).substr(begin_);
    const std::string_view piece =
        rest.size() > limit_ ? rest.substr(0, piece_end(rest, limit_)) : rest;
    piece_begin_ = buffer_begin_ + static_cast<int64_t>(begin_);
    taken_ = piece.size();
    place_begin_ = place_end_;
    place_end_ = reader_.place_of(piece_begin_ + static_cast<int64_t>(taken_));
    return piece;
  }
  // Forgets the piece and makes the one after it ready.
  void advance() {
    begin_ += taken_;
    taken_ = 0;
    refill();
  }

 private:
  // Holds more than a piece, unless the file ends: the cut looks at the byte after it.
  void refill() {
    if (reader_.at_end() || buffer_.size() - begin_ > limit_) return;
    buffer_.erase(0, begin_);
    buffer_begin_ += static_cast<int64_t>(begin_);
    begin_ = 0;
    reader_.append_to(buffer_, 2 * limit_ + kByteOrderMark.size() + 1 - buffer_.size());
  }

  const size_t limit_;
  ByteReader reader_;
  std::string buffer_;
  size_t begin_ = 0;          // of what was not given out, in the buffer
  int64_t buffer_begin_ = 0;  // of the buffer, in the file
  int64_t piece_begin_ = 0;
  int64_t place_begin_ = 0;
  int64_t place_end_ = 0;
  size_t taken_ = 0;
  bool has_byte_order_mark_ = false;
};

class TextFileReader final : public FileReader {
 public:
  explicit TextFileReader(const FileContext& context) : context_(context) {
    look_ahead();
    if (!left_out_) pieces_ = std::make_unique<RawPieces>(context_);
  }

  bool next(TextPiece& piece) override {
    if (left_out_ || pieces_->at_end()) return false;
    piece.begins_document = !begun_;
    begun_ = true;
    const std::string_view raw = pieces_->next();
    piece.input_begin = context_.input_begin + pieces_->place_begin();
    piece.input_end = context_.input_begin + pieces_->place_end();
    piece.text.clear();
    append_clean(raw, piece.text);
    pieces_->advance();
    piece.ends_document = pieces_->at_end();
    piece.document_hash = hash_;
    piece.file = &context_.file;
    piece.line = 0;
    return true;
  }
  std::string file_hash() const override { return hash_of_file_; }

 private:
  // Reads the document once before it is given out: its hash, and whether it is left out, must be
  // known with its first piece.
  void look_ahead() {
    RawPieces pieces(context_);
    if (pieces.has_byte_order_mark()) count("byte order mark removed");
    left_out_ = pieces.at_end();
    if (left_out_) count("empty file");
    Hasher64 hasher(context_.options.hash_seed);
    std::string clean;
    int64_t replaced = 0;
    for (; !pieces.at_end() && !left_out_; pieces.advance()) {
      const std::string_view raw = pieces.next();
      check(raw, pieces.piece_begin());
      clean.clear();
      replaced += append_clean(raw, clean);
      hasher.add(clean);
    }
    hash_ = hasher.hash();
    hash_of_file_ = left_out_ ? "" : pieces.hash();
    if (replaced > 0) count(kReplacedReason, replaced);
  }

  int64_t append_clean(std::string_view raw, std::string& out) const {
    if (context_.options.invalid_utf8 == InvalidUtf8::kReplace)
      return append_with_replacements(raw, out);
    out.append(raw);
    return 0;
  }

  // Applies the policies that do not replace. `raw` begins at byte `begin` of the file.
  void check(std::string_view raw, int64_t begin) {
    if (context_.options.invalid_utf8 == InvalidUtf8::kReplace) return;
    const size_t at = first_invalid_utf8(raw);
    if (at == kAllValid) return;
    if (context_.options.invalid_utf8 == InvalidUtf8::kError)
      fail(raw, at, begin + static_cast<int64_t>(at));
    left_out_ = true;
    count(kNoTextReason);
  }

  [[noreturn]] void fail(std::string_view raw, size_t at, int64_t offset) const {
    const bool utf16 = offset == 0 && (raw.starts_with("\xFF\xFE") || raw.starts_with("\xFE\xFF"));
    std::string found = raw[at] == '\0' ? "a NUL byte (a binary file?)" : "a byte that is no UTF-8";
    if (utf16) found = "the mark of UTF-16 (`iconv -f UTF-16 -t UTF-8` converts it)";
    throw Error(quote_path(context_.file.name()) + " has " + found + " at byte " +
                std::to_string(offset) + "; " + std::string(kInvalidUtf8Advice));
  }

  void count(std::string_view reason, int64_t number = 1) {
    context_.left_out.add(
        reason, [&] { return context_.file.name().string(); }, number);
  }

  FileContext context_;
  std::unique_ptr<RawPieces> pieces_;
  uint64_t hash_ = 0;
  std::string hash_of_file_;
  bool left_out_ = false;
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<FileReader> open_text_file(const FileContext& context) {
  return std::make_unique<TextFileReader>(context);
}

}  // namespace weft::data
