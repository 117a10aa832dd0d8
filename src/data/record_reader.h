// What readers of records (JSON values, table rows) share: a record's text is a document, given out
// in pieces; a record that is bad is an error or is left out, as the policy says.
#pragma once

#include <string>

#include "data/text_reader.h"
#include "weft/error.h"

namespace weft::data {

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
  // False at the end.
  virtual bool next_record(std::string& document) = 0;
  virtual Place place() const = 0;

  const FileContext& context() const { return context_; }
  std::string place_text() const;  // "corpus/a.jsonl:17"
  void count(std::string_view reason, int64_t number = 1) const;
  // A record that cannot be read, after which the next one can: an Error where the policy is to
  // stop; else it is counted for its reason, and the result is false. `message` is called only
  // where somebody reads what it makes, for an input may have millions of such records.
  template <class Message>
  bool fail(std::string_view reason, Message message) const {
    return fail_at([this] { return place_text(); }, reason, message);
  }
  // The same with a place of its own.
  template <class At, class Message>
  bool fail_at(At at, std::string_view reason, Message message) const {
    const auto whole = [&] { return at() + ": " + message(); };
    if (context_.options.bad_input == BadInput::kStop) throw Error(whole());
    context_.left_out.add(reason, whole);
    return false;
  }
  bool fail_too_long() const {
    return fail(kTooLongReason, [this] { return too_long(); });
  }
  std::string too_long() const;  // what is said of such a record
  // What the policy says about a text of `bytes` that holds what `found` calls it: true to replace
  // it, false where the document is left out. Long ones are never mended: what stands for a byte
  // has three.
  template <class Found>
  bool may_replace(Found found, size_t bytes) const {
    const InvalidUtf8 policy = context_.options.invalid_utf8;
    if (policy == InvalidUtf8::kReplace && bytes <= kLargestMended) return true;
    if (policy == InvalidUtf8::kSkip) return count(kNoTextReason), false;
    return fail(kNoTextReason, [&] {
      return "the line has " + found() + "; " +
             (policy == InvalidUtf8::kReplace ? too_long_to_mend(bytes)
                                              : std::string(kInvalidUtf8Advice));
    });
  }
  // Appends `text`, of which invalid parts and NULs are handled as the policy says.
  void append_text(std::string_view text, std::string& document) const;

  std::vector<TableCell> cells_;  // of the record

 private:
  static constexpr size_t kLargestMended = size_t{8} << 20;

  static std::string too_long_to_mend(size_t bytes);
  bool next_document();
  int64_t input_place(size_t at) const;

  FileContext context_;
  std::string document_;
  size_t given_ = 0;  // bytes of document_ that were given out
  uint64_t hash_ = 0;
};

}  // namespace weft::data
