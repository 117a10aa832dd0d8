// What readers of records (JSON values, table rows) share: a record's text is a document, given out
// in pieces; a record that is bad is an error or is left out, as the policy says.
#pragma once

#include <string>

#include "data/text_reader.h"
#include "weft/error.h"

namespace weft::data {

// A record that cannot be read, after which the next one can. `reason` is how it is counted where
// such records are left out.
class BadRecord : public Error {
 public:
  BadRecord(std::string_view reason, const std::string& message)
      : Error(message), reason_(reason) {}
  std::string_view reason() const { return reason_; }

 private:
  std::string_view reason_;  // of a constant
};

inline constexpr std::string_view kMalformedReason = "malformed record";
inline constexpr std::string_view kNoFieldReason = "record without its text";
inline constexpr std::string_view kTooLongReason = "record that is too long";
inline constexpr std::string_view kBlankReason = "blank line";
inline constexpr std::string_view kEmptyReason = "empty document";
inline constexpr std::string_view kBadCellReason = "cell that is missing or no number";

class RecordReader : public FileReader {
 public:
  explicit RecordReader(const FileContext& context) : context_(context) {}
  bool next(TextPiece& piece) final;

 protected:
  struct Place {
    int64_t begin = 0;  // in the file
    int64_t end = 0;
    int64_t line = 0;
  };
  // Puts the text of the next record into `document`; leaves it empty where the record has none.
  // Where it has, and columns are asked for, fills cells_.
  // False at the end. Throws BadRecord.
  virtual bool next_record(std::string& document) = 0;
  virtual Place place() const = 0;

  const FileContext& context() const { return context_; }
  std::string place_text() const;  // "corpus/a.jsonl:17"
  void count(std::string_view reason, int64_t number = 1);
  // What the policy says about a text of `bytes` that holds `found`: replace it or leave the
  // document out. Long ones are never mended: what stands for a byte has three.
  bool may_replace(const std::string& found, size_t bytes);
  // Appends `text`, of which invalid parts and NULs are handled as the policy says.
  void append_text(std::string_view text, std::string& document);
  [[noreturn]] void fail(std::string_view reason, const std::string& message) const;
  [[noreturn]] void fail_too_long() const;

  std::vector<TableCell> cells_;  // of the record

 private:
  bool next_document();
  int64_t input_place(size_t at) const;

  FileContext context_;
  std::string document_;
  size_t given_ = 0;  // bytes of document_ that were given out
  uint64_t hash_ = 0;
};

}  // namespace weft::data
