// Counts the memory that the process asks for, by whatever function: operator new, malloc, and what
// libraries call. oneDNN asks for memory of its own in every call, which nobody can plan; it is
// measured apart.
#pragma once

#include <cstdint>

namespace weft::test {

// False where a sanitizer has its own allocator, and nothing is counted.
bool counts_allocations();

int64_t allocations();             // outside of oneDNN's calls
int64_t largest_onednn_request();  // bytes; since the last call of this function

}  // namespace weft::test
