// A library that tests load into a program before all others (LD_PRELOAD): of the threads that the
// program asks for, the one of the number in WEFT_REFUSED_THREAD, and all after it, are refused, as
// by a limit of the system or of a container.
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace {

using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

bool is_refused() {
  static std::atomic<long> asked = 0;
  static const char* const kFirst = std::getenv("WEFT_REFUSED_THREAD");
  return kFirst != nullptr && ++asked >= std::atol(kFirst);
}

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*start)(void*), void* argument) noexcept {
  static const auto kReal = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return is_refused() ? EAGAIN : kReal(thread, attributes, start, argument);
}
