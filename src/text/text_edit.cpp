// Rewriting text (text_edit.h).
#include "text/text_edit.h"

namespace weft::text {

std::vector<TextSpan> identity_origin(std::string_view text, size_t offset) {
  std::vector<TextSpan> origin;
  origin.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t size = utf8_at(text, at).size;
    origin.insert(origin.end(), size, {offset + at, offset + at + size});
    at += size;
  }
  return origin;
}

// It stands for the first character of the input, as that itself does.
void TextEdit::prepend(std::string_view text) {
  if (input_.empty()) return;
  out_.text += text;
  if (keeps_origin_) out_.origin.insert(out_.origin.end(), text.size(), origin_[0]);
}

}  // namespace weft::text
