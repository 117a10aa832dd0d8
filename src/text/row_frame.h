// Tokens of one or two texts within the special tokens of a row. Not here: cutting and filling up
// (encoding.h), the frames of files (post_processor.h).
#pragma once

#include <span>
#include <vector>

#include "text/encoding.h"
#include "text/post_processor.h"

namespace weft::text {

// `texts` has the tokens of the text and of its pair, if there is one. First the row that is kept,
// then the combinations of windows that truncation cut off, in Hugging Face's order. Throws Error
// where truncation cannot be done.
std::vector<Encoding> make_rows(std::vector<Encoding> texts, std::span<const FramePiece> frame,
                                const RowOptions& options);

}  // namespace weft::text
