#include "core/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "core/size_text.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr int64_t kPage = 4096, kHugePage = int64_t{2} << 20;

void* map(int64_t bytes, ArenaUse use) {
  const bool plan = use == ArenaUse::kPlan;
  void* memory =
      mmap(nullptr, static_cast<size_t>(bytes), plan ? PROT_NONE : PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | (plan ? MAP_NORESERVE : 0), -1, 0);
  if (memory != MAP_FAILED) return memory;
  const int number = errno;
  throw Error("the system refuses " + size_text(bytes) + " of memory: " + std::strerror(number) +
                  "; fewer or shorter sequences side by side take less (for training see "
                  "`weft plan`)",
              ExitCode::kDoesNotFit);
}

void unmap(std::byte* begin, std::byte* end) {
  if (begin < end) munmap(begin, static_cast<size_t>(end - begin));
}

// Only whole, aligned stretches can be huge pages, so the block begins at one.
std::byte* map_for_huge_pages(int64_t bytes, ArenaUse use) {
  auto* memory = static_cast<std::byte*>(map(bytes + kHugePage, use));
  const auto address = reinterpret_cast<uintptr_t>(memory);
  std::byte* begin =
      memory + (align_up(static_cast<int64_t>(address), kHugePage) - static_cast<int64_t>(address));
  unmap(memory, begin);
  unmap(begin + align_up(bytes, kPage), memory + align_up(bytes + kHugePage, kPage));
  return begin;
}

}  // namespace

Arena::Arena(int64_t bytes, ArenaUse use) : bytes_(bytes) {
  WEFT_ASSERT(bytes >= 0);
  if (bytes == 0) return;
  data_ = map_for_huge_pages(bytes, use);
  if (use == ArenaUse::kPlan) return;
  madvise(data_, static_cast<size_t>(bytes), MADV_HUGEPAGE);  // fewer TLB misses; may be refused
}

Arena::~Arena() {
  if (owned_ && data_ != nullptr) munmap(data_, static_cast<size_t>(bytes_));
}

std::byte* Arena::at(int64_t offset, int64_t bytes) {
  WEFT_ASSERT(offset >= 0 && bytes >= 0 && offset + bytes <= bytes_);
  high_water_ = std::max(high_water_, std::min(bytes_, align_up(offset + bytes)));
  return data_ + offset;
}

// As if each page were written. Reading it first would give the one page of zeros that all share,
// and a second fault (and on older kernels small pages) when it is written after all. Linux before
// 5.14 does not know this advice: there pages come as they are used.
void Arena::touch(const ParallelFor& parallel) {
#ifdef MADV_POPULATE_WRITE
  parallel((bytes_ + kHugePage - 1) / kHugePage, [this](int64_t tile, int) {
    const int64_t begin = tile * kHugePage, size = std::min(kHugePage, bytes_ - begin);
    madvise(data_ + begin, static_cast<size_t>(size), MADV_POPULATE_WRITE);
  });
#else
  static_cast<void>(parallel);
#endif
}

// A mapping's lines begin with "from-to", in hexadecimal.
int64_t Arena::huge_bytes() const {
  const auto begin = reinterpret_cast<uintptr_t>(data_);
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  int64_t kilobytes = 0;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t from = 0, to = 0;
    long part = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2)
      inside = from < begin + static_cast<uintptr_t>(bytes_) && to > begin;
    else if (inside && std::sscanf(line.c_str(), "AnonHugePages: %ld", &part) == 1)
      kilobytes += part;
  }
  return std::min(bytes_, kilobytes * 1024);
}

bool system_gives_huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string words;
  return std::getline(file, words) && words.find("[never]") == std::string::npos;
}

}  // namespace weft
