// Unicode normalization forms (UAX #15) from the pinned tables. Not here: the other normalizers of
// tokenizer files (normalizer.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_edit.h"

namespace weft::text {

enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };

// Rewrites all of the text; bytes that are not UTF-8 are copied and separate what is beside them.
void normalize(NormalForm form, TextEdit& edit);

// Appends `text` in NFC.
void append_nfc(std::string& out, std::string_view text);

// The canonical decomposition of one character.
void append_decomposed(uint32_t code, std::vector<uint32_t>& out);
uint16_t combining_class(uint32_t code);

}  // namespace weft::text
