// The member "post_processor" of a tokenizer.json: the tokens around a text or a pair of texts
// (BOS, CLS, SEP, ...). Not here: the rows made of them (json_tokenizer_rows.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "text/json_fields.h"
#include "text/vocabulary.h"

namespace weft::text {

// One place of a row: a text or its pair, or a special token.
struct FramePiece {
  int32_t sequence = -1;  // 0: the text, 1: its pair, -1: a token
  int32_t id = -1;
  int32_t type_id = 0;
};

struct Frame {
  std::vector<int32_t> before, after;    // around a text by itself
  std::vector<FramePiece> single, pair;  // the same as pieces; `pair` is empty if there is no such
  // Set where white space is cut off the ends of offsets; its value: not at the start of a text,
  // since the tokenizer added it.
  std::optional<bool> trims_offsets;
};

// TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel and Sequence of them; null is an
// empty frame. Throws Error naming `path` and what is unknown, malformed, or not in the vocabulary.
Frame read_post_processor(const Json& component, const Vocabulary& vocabulary,
                          const std::string& path);

}  // namespace weft::text
