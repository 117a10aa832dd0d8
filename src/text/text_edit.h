// Text that is rewritten a character at a time, and where each byte of it came from. Not here: what
// is rewritten (normalizer.h, pre_tokenizer.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/utf8.h"

namespace weft::text {

// Bytes [begin, end) of a text.
struct TextSpan {
  size_t begin = 0, end = 0;
  bool operator==(const TextSpan&) const = default;
};

struct AlignedText {
  std::string text;
  // By byte of `text`: the characters of the original that it stands for. Empty where nobody asks.
  std::vector<TextSpan> origin;
};

// The original of a text that nothing was done to, `offset` bytes into the whole.
std::vector<TextSpan> identity_origin(std::string_view text, size_t offset);

// Reads one text from start to end and appends what it becomes to another. The meaning of `change`
// is that of Hugging Face's NormalizedString, so that offsets come out the same.
class TextEdit {
 public:
  // `origin` is empty or that of `input`; `out` gets origins in the latter case.
  TextEdit(std::string_view input, std::span<const TextSpan> origin, AlignedText& out)
      : input_(input), origin_(origin), out_(out), keeps_origin_(!origin.empty()) {}

  std::string_view input() const { return input_; }
  size_t position() const { return at_; }

  // The next `bytes` as they are.
  void copy(size_t bytes) {
    out_.text.append(input_.substr(at_, bytes));
    if (keeps_origin_) {
      const auto part = origin_.subspan(at_, bytes);
      out_.origin.insert(out_.origin.end(), part.begin(), part.end());
    }
    at_ += bytes;
  }
  void copy_rest() { copy(input_.size() - at_); }
  void drop(size_t bytes) { at_ += bytes; }

  // A character that stands for the next one of the input (change 0) and for -change more behind
  // it, or that is inserted behind the last one read (change 1).
  void put(uint32_t code, int change) {
    const size_t first = out_.text.size();
    const TextSpan from = keeps_origin_ ? origin_of(change) : TextSpan();
    append_utf8(out_.text, code);
    if (keeps_origin_) out_.origin.insert(out_.origin.end(), out_.text.size() - first, from);
    if (change <= 0) skip_characters(1 - change);
  }
  // `text` behind the last character read, in place of nothing.
  void insert(std::string_view text) {
    out_.text += text;
    if (keeps_origin_) out_.origin.insert(out_.origin.end(), text.size(), origin_of(1));
  }
  // `text` before the input, whose position is its start; nothing where the input is empty.
  void prepend(std::string_view text);

 private:
  TextSpan origin_of(int change) const {
    if (change > 0) return at_ == 0 ? TextSpan() : origin_[at_ - 1];
    return at_ < origin_.size() ? origin_[at_] : TextSpan();
  }
  void skip_characters(int count) {
    for (; count > 0 && at_ < input_.size(); --count) at_ += utf8_at(input_, at_).size;
  }

  std::string_view input_;
  std::span<const TextSpan> origin_;
  AlignedText& out_;
  bool keeps_origin_;
  size_t at_ = 0;
};

}  // namespace weft::text
