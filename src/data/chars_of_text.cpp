#include "data/chars_of_text.h"

#include <array>
#include <vector>

#include "text/utf8.h"

namespace weft::data {
namespace {

constexpr size_t kCodePoints = 0x110000;

}  // namespace

std::unique_ptr<const text::Tokenizer> chars_of_text(const FileSystem& files,
                                                     const std::vector<std::string>& inputs,
                                                     const TextOptions& options,
                                                     const InputOptions& input_options) {
  const InputFiles found = collect_inputs(files, inputs, input_options);
  TextReader reader(files, found, options);
  std::vector<bool> seen(kCodePoints);
  for (TextPiece piece; reader.next(piece);)
    for (size_t at = 0; at < piece.text.size();) {
      const text::Utf8Char c = text::utf8_at(piece.text, at);
      WEFT_ASSERT(c.code < kCodePoints);  // the reader gives UTF-8
      seen[c.code] = true;
      at += c.size;
    }
  std::string characters;
  for (uint32_t code = 0; code < kCodePoints; ++code)
    if (seen[code]) text::append_utf8(characters, code);
  return text::make_chars_tokenizer(std::array<std::string_view, 1>{characters});
}

}  // namespace weft::data
