// The tokenizer "chars" of a corpus: a token for each character that occurs in it.
#pragma once

#include <memory>

#include "data/text_reader.h"
#include "text/tokenizer.h"

namespace weft::data {

// Reads the whole text once, in memory that does not grow with it. Throws Error as TextReader does.
std::unique_ptr<const text::Tokenizer> chars_of_text(const FileSystem& files,
                                                     const std::vector<std::string>& inputs,
                                                     const TextOptions& options,
                                                     const InputOptions& input_options = {});

}  // namespace weft::data
