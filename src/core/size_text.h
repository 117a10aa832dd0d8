// Sizes of memory and files as people read them: in messages, progress lines, tables and pages.
#pragma once

#include <cstdint>
#include <string>

namespace weft {

// "512 B", "1.20 GiB", "45.6 MiB": three digits and a power of 1024; of a negative one, too.
std::string size_text(int64_t bytes);

}  // namespace weft
