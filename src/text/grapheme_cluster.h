// Grapheme clusters: what a reader takes for one character (UAX #29, extended clusters). Not here:
// what is done with them (precompiled_map.h).
#pragma once

#include <cstddef>
#include <string_view>

namespace weft::text {

// Bytes of the cluster that begins at text[at], at < text.size(). A byte that is not UTF-8 is a
// cluster by itself.
size_t cluster_size(std::string_view text, size_t at);

}  // namespace weft::text
