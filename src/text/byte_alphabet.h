// The alphabet of byte-level tokenizers: a printable character for each byte (GPT-2's encoder). Not
// here: who uses it when.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft::text {

// The letter that stands for `byte` in vocabularies, in UTF-8: 'A' for 'A', "Ġ" for a space.
std::string_view letter_of_byte(uint8_t byte);

// The bytes that `token` stands for, or nothing if it holds a character outside of the alphabet.
std::optional<std::string> bytes_of_letters(std::string_view token);
// `bytes` in letters.
std::string letters_of_bytes(std::string_view bytes);

// "<0x41>": how vocabularies with byte fallback write a byte.
std::string byte_piece(uint8_t byte);

}  // namespace weft::text
