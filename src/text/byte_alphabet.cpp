// Letters for bytes (byte_alphabet.h).
#include "text/byte_alphabet.h"

#include <array>

#include "text/utf8.h"

namespace weft::text {
namespace {

bool stands_for_itself(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  Alphabet() {
    byte_of.fill(-1);
    uint32_t next = 256;  // the other bytes take the characters from U+0100 on, in order
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint32_t code = stands_for_itself(byte) ? byte : next++;
      byte_of[code] = static_cast<int16_t>(byte);
      append_utf8(letters[byte], code);
    }
  }
  std::array<std::string, 256> letters;
  std::array<int16_t, 0x144> byte_of;  // by code point
};

const Alphabet& alphabet() {
  static const Alphabet kAll;
  return kAll;
}

}  // namespace

std::string_view letter_of_byte(uint8_t byte) {
  return alphabet().letters[byte];
}

std::optional<std::string> bytes_of_letters(std::string_view token) {
  const auto& byte_of = alphabet().byte_of;
  std::string bytes;
  for (size_t at = 0; at < token.size();) {
    const Utf8Char c = utf8_at(token, at);
    if (c.code >= byte_of.size() || byte_of[c.code] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(byte_of[c.code]));
    at += c.size;
  }
  return bytes;
}

std::string letters_of_bytes(std::string_view bytes) {
  std::string letters;
  for (const char byte : bytes) letters += letter_of_byte(static_cast<uint8_t>(byte));
  return letters;
}

std::string byte_piece(uint8_t byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
}

}  // namespace weft::text
