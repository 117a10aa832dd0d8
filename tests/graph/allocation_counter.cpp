#include "allocation_counter.h"

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>

#include <atomic>
#include <cerrno>
#include <cstddef>

#include "tests/core/sanitizer.h"

#if WEFT_UNDER_SANITIZER || !defined(__GLIBC__)
#define WEFT_OTHER_ALLOCATOR 1
#endif

namespace {

std::atomic<int64_t> count{0}, largest_inside{0};
thread_local bool inside_onednn = false;

[[maybe_unused]] void asked_for(size_t bytes) {
  if (!inside_onednn) ++count;
  else if (static_cast<int64_t>(bytes) > largest_inside)
    largest_inside = static_cast<int64_t>(bytes);
}

}  // namespace

#ifndef WEFT_OTHER_ALLOCATOR

extern "C" {
// glibc's own functions, under the names that it offers for being replaced.
// NOLINTBEGIN(bugprone-reserved-identifier): the names are glibc's, not ours to choose
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(size_t bytes) {
  asked_for(bytes);
  return __libc_malloc(bytes);
}
void* calloc(size_t n, size_t bytes) {
  asked_for(n * bytes);
  return __libc_calloc(n, bytes);
}
void* realloc(void* old, size_t bytes) {
  asked_for(bytes);
  return __libc_realloc(old, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  asked_for(bytes);
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** result, size_t alignment, size_t bytes) {
  asked_for(bytes);
  *result = __libc_memalign(alignment, bytes);
  return *result == nullptr ? ENOMEM : 0;
}

dnnl_status_t dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream, int n,
                                     const dnnl_exec_arg_t* arguments) {
  using Execute = decltype(&dnnl_primitive_execute);
  static const auto kReal = reinterpret_cast<Execute>(dlsym(RTLD_NEXT, "dnnl_primitive_execute"));
  inside_onednn = true;
  const dnnl_status_t status = kReal(primitive, stream, n, arguments);
  inside_onednn = false;
  return status;
}
}

#endif

namespace weft::test {

bool counts_allocations() {
#ifdef WEFT_OTHER_ALLOCATOR
  return false;
#else
  return true;
#endif
}

int64_t allocations() {
  return count;
}

int64_t largest_onednn_request() {
  return largest_inside.exchange(0);
}

}  // namespace weft::test
