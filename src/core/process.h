// What the system says of this process.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weft {

// Memory of the process that is in RAM now, in bytes; 0 if the system does not say.
int64_t resident_bytes();

// How often the system had to give the process a page since it began, all threads together.
int64_t page_faults();

// Makes malloc keep what is freed for the next request instead of giving it back to the system,
// from where it would come again page by page. For programs that ask for the same memory over and
// over, as oneDNN does in every product; call it first of all.
void keep_freed_memory();

int64_t process_number();

// The words of this process's command line; empty if the system does not say.
std::vector<std::string> command_line();

// The environment variables whose names begin with one of `beginnings`.
std::map<std::string, std::string> environment_of(const std::vector<std::string>& beginnings);

// As /proc/cpuinfo has them: the name of the first processor, and those of its features that
// arithmetic depends on; empty where it does not say.
std::string processor_name();
std::vector<std::string> processor_features();

// "2025-11-22T07:27:00Z", of seconds since 1970-01-01 UTC.
std::string utc_text(double seconds);

// Seconds of a clock that never goes back; and seconds since 1970-01-01 UTC.
double monotonic_seconds();
double wall_seconds();

}  // namespace weft
