#include "cli/token_text.h"

#include <array>
#include <cstdio>

#include "core/quote.h"
#include "text/utf8.h"

namespace weft::cli {
namespace {

// Dark letters on four light backgrounds of the 256 colours that terminals share.
constexpr std::array<const char*, 4> kColours = {"\x1b[30;48;5;194m", "\x1b[30;48;5;189m",
                                                 "\x1b[30;48;5;223m", "\x1b[30;48;5;152m"};
constexpr const char* kSpecialColour = "\x1b[97;48;5;161m";
constexpr const char* kPlain = "\x1b[0m";

std::string bytes_of(const text::Tokenizer& tokenizer, int32_t id) {
  if (tokenizer.is_special(id)) return std::string(tokenizer.token_text(id));
  return tokenizer.decode(
      std::span(&id, 1),
      {.skip_special_tokens = false, .replace_invalid_utf8 = false, .continues = true});
}

std::string safe(std::string_view bytes) {
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    const text::Utf8Char c = text::utf8_at(bytes, at);
    const bool control = c.code < 0x20 || (c.code >= 0x7F && c.code < 0xA0);
    if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\t' && bytes.size() > 1) {
      out += '\t';
    } else if (control || c.code == text::kInvalidByte) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "<%02X>",
                    static_cast<unsigned>(static_cast<uint8_t>(bytes[at])));
      out += hex;
    } else {
      out += printable(bytes.substr(at, c.size));  // what turns letters around or hides among them
    }
    at += c.size;
  }
  return out;
}

}  // namespace

std::string shown_token(const text::Tokenizer& tokenizer, int32_t id) {
  return safe(bytes_of(tokenizer, id));
}

std::string shown_tokens(const text::Tokenizer& tokenizer, std::span<const int32_t> ids,
                         bool colour) {
  std::string out;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string bytes = bytes_of(tokenizer, ids[i]);
    const bool special = tokenizer.is_special(ids[i]);
    if (colour) out += special ? kSpecialColour : kColours[i % kColours.size()];
    else if (i > 0) out += '|';
    for (size_t begin = 0; begin <= bytes.size();) {
      const size_t end = bytes.find('\n', begin);
      out += safe(std::string_view(bytes).substr(begin, end == bytes.npos ? end : end - begin));
      if (end == bytes.npos) break;
      // A colour that crosses a line end fills the line on some terminals.
      out += colour ? std::string(kPlain) + "\n" +
                          (special ? kSpecialColour : kColours[i % kColours.size()])
                    : "\n";
      begin = end + 1;
    }
    if (colour) out += kPlain;
  }
  return out;
}

}  // namespace weft::cli
