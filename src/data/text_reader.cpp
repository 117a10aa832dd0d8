// File after file, and the rule for cutting long documents.
#include "data/text_reader.h"

#include <algorithm>

#include "core/quote.h"
#include "weft/error.h"

namespace weft::data {
namespace {

bool is_white_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool continues_character(char c) {
  return (static_cast<uint8_t>(c) & 0xC0) == 0x80;
}

// The last place of (0, limit] after which `good(place)`; 0 if there is none.
template <class Good>
size_t last_place(size_t limit, Good good) {
  for (size_t place = limit; place > 0; --place)
    if (good(place)) return place;
  return 0;
}

}  // namespace

std::string_view name_of(BadInput policy) {
  return policy == BadInput::kStop ? "stop" : "skip";
}

std::string TextPiece::origin() const {
  const std::string name = printable(file->name().native());
  return line > 0 ? name + ":" + std::to_string(line) : name;
}

size_t piece_end(std::string_view text, size_t limit) {
  WEFT_ASSERT(limit >= 4 && text.size() > limit);  // a character has up to 4 bytes
  const auto after_line = [&](size_t place) { return text[place - 1] == '\n'; };
  const auto between_words = [&](size_t place) {
    return after_line(place) && place >= 2 && !is_white_space(text[place - 2]) &&
           !is_white_space(text[place]);
  };
  if (const size_t place = last_place(limit, between_words)) return place;
  if (const size_t place = last_place(limit, after_line)) return place;
  const auto after_space = [&](size_t place) { return text[place - 1] == ' '; };
  if (const size_t place = last_place(limit, after_space)) return place;
  // A character has at most three continuation bytes; a longer run of them is no text anyway.
  for (size_t place = limit; place > 0 && place + 3 >= limit; --place)
    if (!continues_character(text[place])) return place;
  return limit;
}

TextReader::TextReader(const FileSystem& files, const InputFiles& inputs, TextOptions options)
    : files_(files), inputs_(inputs), options_(std::move(options)) {
  WEFT_ASSERT(options_.piece_bytes >= 4 && options_.max_line_bytes > 0);
}

bool TextReader::next(TextPiece& piece) {
  while (true) {
    if (current_ && next_of_current(piece)) return true;
    if (current_ || file_hashes_.size() < next_file_) {
      input_begin_ += inputs_.files[next_file_ - 1].size;
      file_hashes_.push_back(current_ ? current_->file_hash() : "");
    }
    current_.reset();
    if (next_file_ == inputs_.files.size()) return false;
    open(inputs_.files[next_file_++]);
  }
}

// False at the end of the file; without a reader where the rest of it is left out.
bool TextReader::next_of_current(TextPiece& piece) {
  try {
    return current_->next(piece);
  } catch (const Error& error) {
    if (options_.bad_input == BadInput::kStop) throw;
    leave_out(error);
    current_.reset();
    return false;
  }
}

void TextReader::open(const InputFile& file) {
  const FileContext context{files_, file, options_, input_begin_, left_out_};
  try {
    switch (file.kind) {
      case InputKind::kText: current_ = open_text_file(context); break;
      case InputKind::kJsonLines:
      case InputKind::kJson: current_ = open_json(context); break;
      case InputKind::kCsv:
      case InputKind::kTsv: current_ = open_table(context); break;
    }
  } catch (const Error& error) {
    if (options_.bad_input == BadInput::kStop) throw;
    leave_out(error);
  }
}

void TextReader::leave_out(const Error& error) {
  left_out_.add(kUnreadReason, [&] { return std::string(error.what()); });
  if (dynamic_cast<const FileError*>(&error) != nullptr) file_error_ = std::current_exception();
}

}  // namespace weft::data
