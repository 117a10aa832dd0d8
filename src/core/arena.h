// The one block of device memory of a session, laid out by the memory plan.
#pragma once

#include <cstddef>
#include <cstdint>

#include "weft/parallel_for.h"

namespace weft {

inline constexpr int64_t kArenaAlignment = 64;  // bytes: a cache line and an AVX-512 vector

constexpr int64_t align_up(int64_t bytes, int64_t alignment = kArenaAlignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

enum class ArenaUse : uint8_t {
  kCompute,
  kPlan,  // addresses without memory behind them: nothing may be read or written
};

// Zeroed host memory, in huge pages (2 MiB) where the system gives them: page by page as it is
// touched, or at once by touch(). Remembers the highest byte that was asked for,
// its alignment included, so that the plan can be checked against what a program really binds.
class Arena {
 public:
  // Throws Error (ExitCode::kDoesNotFit) if the system refuses the memory.
  explicit Arena(int64_t bytes, ArenaUse use = ArenaUse::kCompute);
  // Memory that someone else owns, a device's for example: not zeroed, and not touched.
  Arena(std::byte* memory, int64_t bytes) : data_(memory), bytes_(bytes), owned_(false) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // The address of [offset, offset + bytes), which must lie inside.
  std::byte* at(int64_t offset, int64_t bytes);
  int64_t bytes() const { return bytes_; }
  int64_t high_water() const { return high_water_; }
  // Takes the memory from the system now, with all threads, so that no later use has to wait for a
  // page. Changes no contents.
  void touch(const ParallelFor& parallel);
  // How much of it lies in huge pages now; 0 if the system does not say.
  int64_t huge_bytes() const;

 private:
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
  int64_t high_water_ = 0;
  bool owned_ = true;
};

// Whether the system gives huge pages to programs that ask for them.
bool system_gives_huge_pages();

}  // namespace weft
