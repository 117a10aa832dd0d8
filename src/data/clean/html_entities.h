// Named characters of HTML ("&eacute;"): those of Latin-1, punctuation, Greek and common symbols.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft::data {

// The character that `name` (without & and ;) stands for, or 0.
uint32_t html_entity(std::string_view name);

}  // namespace weft::data
