// What stands around the model in Llama 2's tokenizer.json. Not here: its vocabulary.
#pragma once

#include "text/tokenizer_writer.h"

namespace weft::text {

// Spaces as U+2581, one more before the text; <s>, whose id is 1, at its start; all of it undone in
// decoding.
void describe_llama2_frame(TokenizerParts& description);

}  // namespace weft::text
