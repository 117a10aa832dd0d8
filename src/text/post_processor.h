// The member "post_processor" of a tokenizer.json: the tokens around a text (BOS, CLS, SEP, ...).
// Not here: pairs of texts, offsets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/json_fields.h"
#include "text/vocabulary.h"

namespace weft::text {

struct Frame {
  std::vector<int32_t> before, after;
};

// TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel and Sequence of them; null is an
// empty frame. Throws Error naming `path` and what is unknown, malformed, or not in the vocabulary.
Frame read_post_processor(const Json& component, const Vocabulary& vocabulary,
                          const std::string& path);

}  // namespace weft::text
