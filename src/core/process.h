// What the system says of this process.
#pragma once

#include <cstdint>

namespace weft {

// Memory of the process that is in RAM now, in bytes; 0 if the system does not say.
int64_t resident_bytes();

// Seconds of a clock that never goes back; and seconds since 1970-01-01 UTC.
double monotonic_seconds();
double wall_seconds();

}  // namespace weft
