// Stands before every fuzz target and counts the memory that one input takes: at most twice its
// size and 64 MiB at any time, as docs/formats.md promises of every reader. What the input itself
// takes is not counted. Under sanitizers all of malloc is counted, else what C++ asks for.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int weft_fuzz_one(const uint8_t* bytes, size_t size);

namespace {

constexpr int64_t kFixedBudget = int64_t{64} << 20;

std::atomic<bool> is_counting{false};
std::atomic<int64_t> live{0};
std::atomic<int64_t> budget{0};

// Within the allocation that goes too far, so that its stack is shown.
[[noreturn]] void stop(int64_t bytes) {
  is_counting = false;
  std::fprintf(stderr, "%lld bytes are in use, more than its budget allows an input: %lld\n",
               static_cast<long long>(bytes), static_cast<long long>(budget.load()));
  std::fflush(stderr);
#ifdef WEFT_FUZZING
  std::abort();
#else
  std::_Exit(1);
#endif
}

void taken(size_t bytes) {
  if (!is_counting) return;
  const int64_t now = live += static_cast<int64_t>(bytes);
  if (now > budget) stop(now);
}

void given_back(size_t bytes) {
  if (is_counting) live -= static_cast<int64_t>(bytes);
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_COUNT_BY_HOOKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_COUNT_BY_HOOKS 1
#endif
#endif

#ifdef WEFT_COUNT_BY_HOOKS
#include <sanitizer/allocator_interface.h>

namespace {

void install() {
  static const int kInstalled = __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void*, size_t size) { taken(size); },
      [](const volatile void* memory) {
        given_back(__sanitizer_get_allocated_size(const_cast<const void*>(memory)));
      });
  static_cast<void>(kInstalled);
}

}  // namespace
#else
#include <malloc.h>

#include <new>

void* operator new(size_t size) {
  void* memory = std::malloc(size > 0 ? size : 1);
  if (memory == nullptr) throw std::bad_alloc();
  taken(malloc_usable_size(memory));
  return memory;
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  given_back(malloc_usable_size(memory));
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  operator delete(memory);
}

namespace {

void install() {}

}  // namespace
#endif

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  install();
  live = 0;
  budget = kFixedBudget + 2 * static_cast<int64_t>(size);
  is_counting = true;
  if (std::getenv("WEFT_FUZZ_WASTE") != nullptr) taken(static_cast<size_t>(budget.load()) + 1);
  const int result = weft_fuzz_one(bytes, size);
  is_counting = false;
  return result;
}
