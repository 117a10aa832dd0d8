// Text as one stream of tokens in memory: what `weft prepare` would write without a split, for
// evaluating on text that is not worth a tokens folder. Not for corpora: prepare.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/text_reader.h"
#include "text/tokenizer.h"

namespace weft::data {

// The BOS token, if the tokenizer frames texts with one that is not also the end.
std::optional<int32_t> document_bos(const text::Tokenizer& tokenizer);

struct TokenizedText {
  std::vector<int32_t> ids;
  std::vector<int64_t> document_starts;  // where in `ids` each document begins
  int64_t bytes = 0;                     // of the text
  std::vector<LeftOut> left_out;         // what of the input is not in it
};

// Every document begins with the tokenizer's BOS token where the tokenizer itself puts one, and
// ends with its end-of-text token where it has one. The text of special tokens is ordinary text.
// Throws Error as collect_inputs() and TextReader do, and if the text is larger than `most_bytes`.
TokenizedText tokenize_text(const FileSystem& files, const text::Tokenizer& tokenizer,
                            const std::vector<std::string>& inputs, const TextOptions& options,
                            int64_t most_bytes = int64_t{1} << 30);

}  // namespace weft::data
