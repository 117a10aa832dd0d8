// Innermost loops under AddressSanitizer. With kernels instrumented out of line (so that they
// compile in minutes), every load of a vector is a call: a product becomes a hundred times slower.
// Such a loop is marked WEFT_UNCHECKED, and the memory that it will touch is checked before it, as
// whole ranges. Other builds see neither.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define WEFT_CHECKS_RANGES 1
#define WEFT_UNCHECKED __attribute__((no_sanitize("address", "undefined")))
#endif
#endif
#ifndef WEFT_CHECKS_RANGES
#define WEFT_CHECKS_RANGES 0
#define WEFT_UNCHECKED
#endif

namespace weft::kernels {

// Ends the program with AddressSanitizer's report if one of `bytes` bytes may not be touched.
inline void check_memory([[maybe_unused]] const void* from, [[maybe_unused]] int64_t bytes) {
#if WEFT_CHECKS_RANGES
  const void* bad = __asan_region_is_poisoned(const_cast<void*>(from), static_cast<size_t>(bytes));
  if (bad != nullptr) static_cast<void>(*static_cast<const volatile char*>(bad));
#endif
}

// The same of `rows` rows of `bytes` bytes, `pitch` bytes apart.
inline void check_rows([[maybe_unused]] const void* from, [[maybe_unused]] int64_t rows,
                       [[maybe_unused]] int64_t bytes, [[maybe_unused]] int64_t pitch) {
#if WEFT_CHECKS_RANGES
  for (int64_t r = 0; r < rows; ++r)
    check_memory(static_cast<const char*>(from) + r * pitch, bytes);
#endif
}

}  // namespace weft::kernels
