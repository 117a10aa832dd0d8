// What the sanitizers have to be told: which one is built in, and what orders memory. Without one,
// nothing.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WEFT_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define WEFT_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define WEFT_TSAN 1
#endif

#if defined(WEFT_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(WEFT_TSAN)
#include <sanitizer/tsan_interface.h>

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}
#endif

// An innermost loop over the emulator's own memory, which no kernel reaches: looked at access by
// access it would take most of the time.
#if defined(WEFT_ASAN) || defined(WEFT_TSAN)
#define WEFT_UNWATCHED __attribute__((no_sanitize("address", "undefined", "thread")))
#else
#define WEFT_UNWATCHED
#endif

namespace weft::emulator {

#if defined(WEFT_TSAN)
#define WEFT_NO_TSAN __attribute__((no_sanitize("thread"), noinline))

// What was done before a release of `token` is seen after an acquire of it.
inline void tsan_release(void* token) {
  __tsan_release(token);
}
inline void tsan_acquire(void* token) {
  __tsan_acquire(token);
}

// The emulator's own books are kept by whichever fiber is running: not the kernel's affair. Reads
// by name, writes too in truth; each call records its stack, so that one has to do.
class OwnBooks {
 public:
  OwnBooks() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~OwnBooks() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
  OwnBooks(const OwnBooks&) = delete;
  OwnBooks& operator=(const OwnBooks&) = delete;
};
#else
#define WEFT_NO_TSAN
inline void tsan_release(void*) {}
inline void tsan_acquire(void*) {}
class OwnBooks {
 public:
  OwnBooks() {}
  ~OwnBooks() {}
};
#endif

}  // namespace weft::emulator
