// What the system says of this process.
#pragma once

#include <cstdint>

namespace weft {

// Memory of the process that is in RAM now, in bytes; 0 if the system does not say.
int64_t resident_bytes();

// How often the system had to give the process a page since it began, all threads together.
int64_t page_faults();

// Makes malloc keep what is freed for the next request instead of giving it back to the system,
// from where it would come again page by page. For programs that ask for the same memory over and
// over, as oneDNN does in every product; call it first of all.
void keep_freed_memory();

// Seconds of a clock that never goes back; and seconds since 1970-01-01 UTC.
double monotonic_seconds();
double wall_seconds();

}  // namespace weft
