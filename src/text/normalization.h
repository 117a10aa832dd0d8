// Unicode normalization form C (UAX #15) from the pinned tables. Not here: the other normalizers of
// tokenizer files (normalizer.h).
#pragma once

#include <string>
#include <string_view>

namespace weft::text {

// Appends `text` in NFC; bytes that are not UTF-8 are copied and separate what is beside them.
void append_nfc(std::string& out, std::string_view text);

}  // namespace weft::text
