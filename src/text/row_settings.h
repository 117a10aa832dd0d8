// The members "truncation" and "padding" of a tokenizer.json. Not here: what they do (encoding.h).
#pragma once

#include <string>

#include "text/encoding.h"
#include "text/json_fields.h"

namespace weft::text {

// `document` is the whole file. Throws Error, beginning with `origin`.
RowOptions read_row_options(const Json& document, const std::string& origin);

}  // namespace weft::text
