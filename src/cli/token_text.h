// Tokens as text that shows where each begins and ends.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "text/tokenizer.h"

namespace weft::cli {

// One token, safe for a terminal: controls and bytes that are no whole character as "<E4>" and
// "<0A>", line ends as "\n" in words.
std::string shown_token(const text::Tokenizer& tokenizer, int32_t id);

// A text's tokens one after the other: with neighbours in different colours, or with `|` between.
// Line ends stay line ends.
std::string shown_tokens(const text::Tokenizer& tokenizer, std::span<const int32_t> ids,
                         bool colour);

}  // namespace weft::cli
