#include "core/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "weft/error.h"

namespace weft {

Arena::Arena(int64_t bytes, ArenaUse use) : bytes_(bytes) {
  WEFT_ASSERT(bytes >= 0);
  if (bytes == 0) return;
  const bool plan = use == ArenaUse::kPlan;
  void* memory =
      mmap(nullptr, static_cast<size_t>(bytes), plan ? PROT_NONE : PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | (plan ? MAP_NORESERVE : 0), -1, 0);
  if (memory == MAP_FAILED)
    throw Error("the system refuses " + std::to_string(bytes) + " bytes of memory: " +
                    std::strerror(errno) + "; lower micro_batch_size or see `weft plan`",
                ExitCode::kDoesNotFit);
  data_ = static_cast<std::byte*>(memory);
  if (plan) return;
  madvise(memory, static_cast<size_t>(bytes), MADV_HUGEPAGE);  // fewer TLB misses; may be refused
}

Arena::~Arena() {
  if (data_ != nullptr) munmap(data_, static_cast<size_t>(bytes_));
}

std::byte* Arena::at(int64_t offset, int64_t bytes) {
  WEFT_ASSERT(offset >= 0 && bytes >= 0 && offset + bytes <= bytes_);
  high_water_ = std::max(high_water_, std::min(bytes_, align_up(offset + bytes)));
  return data_ + offset;
}

}  // namespace weft
