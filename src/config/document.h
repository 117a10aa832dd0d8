// Documentation of a config from its schema: one Markdown table for each struct.
#pragma once

#include <string>
#include <string_view>

#include "core/tree/schema.h"

namespace weft::config {

// A section "## TITLE" with a row for each key: type and limits, default, meaning. Structs within
// it follow as sections of their own, titled by their key.
std::string document(const Schema& schema, std::string_view title);

}  // namespace weft::config
