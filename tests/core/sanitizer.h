// Whether a sanitizer watches the test: it has an allocator of its own, touches memory of its own
// at every access, and takes its time. g++ and clang say so in different ways.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEFT_UNDER_SANITIZER 1
#endif
#endif
#if !defined(WEFT_UNDER_SANITIZER)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEFT_UNDER_SANITIZER 1
#else
#define WEFT_UNDER_SANITIZER 0
#endif
#endif
