// The table of the emulated device's allocations; it is replaced, never changed, so that kernels
// that run on several OS threads read it without a lock.
#include "kernels/emulator/device_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

#include "weft/error.h"

namespace weft::emulator {
namespace {

constexpr std::align_val_t kAlignment{256};
constexpr int kNanPattern = 0xff;

struct Table {
  std::mutex mutex;
  MemoryMap map = std::make_shared<const std::vector<Allocation>>();
};

Table& table() {
  static Table instance;
  return instance;
}

size_t shadow_bytes(size_t bytes) {
  return (bytes / Granule::kBytes + 1) * sizeof(Granule);
}

bool before(const Allocation& a, const std::byte* p) {
  return a.begin < p;
}

}  // namespace

void* device_allocate(size_t bytes, const std::string& name) {
  Allocation made{static_cast<std::byte*>(::operator new(std::max<size_t>(bytes, 1), kAlignment)),
                  bytes, name, nullptr};
  std::memset(made.begin, kNanPattern, bytes);
  void* shadow = mmap(nullptr, shadow_bytes(bytes), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (shadow == MAP_FAILED) {
    ::operator delete(made.begin, kAlignment);
    throw Error("no memory for " + std::to_string(bytes) + " bytes of the emulated device",
                ExitCode::kDoesNotFit);
  }
  made.shadow = static_cast<Granule*>(shadow);
  const std::lock_guard lock(table().mutex);
  auto next = std::make_shared<std::vector<Allocation>>(*table().map);
  next->insert(std::lower_bound(next->begin(), next->end(), made.begin, before), made);
  table().map = std::move(next);
  return made.begin;
}

void device_free(void* memory) noexcept {
  if (memory == nullptr) return;
  const std::lock_guard lock(table().mutex);
  auto next = std::make_shared<std::vector<Allocation>>(*table().map);
  const auto at =
      std::lower_bound(next->begin(), next->end(), static_cast<std::byte*>(memory), before);
  WEFT_ASSERT(at != next->end() && at->begin == memory);
  munmap(at->shadow, shadow_bytes(at->bytes));
  next->erase(at);
  table().map = std::move(next);
  ::operator delete(memory, kAlignment);
}

MemoryMap device_memory() {
  const std::lock_guard lock(table().mutex);
  return table().map;
}

const Allocation* find_allocation(const std::vector<Allocation>& map, const void* p) {
  const auto* at = static_cast<const std::byte*>(p);
  auto after =
      std::upper_bound(map.begin(), map.end(), at,
                       [](const std::byte* x, const Allocation& a) { return x < a.begin; });
  return after == map.begin() ? nullptr : &*std::prev(after);
}

}  // namespace weft::emulator
