// The one block of device memory of a session, laid out by the memory plan.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft {

inline constexpr int64_t kArenaAlignment = 64;  // bytes: a cache line and an AVX-512 vector

constexpr int64_t align_up(int64_t bytes, int64_t alignment = kArenaAlignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

enum class ArenaUse : uint8_t {
  kCompute,
  kPlan,  // addresses without memory behind them: nothing may be read or written
};

// Zeroed host memory, page by page as it is touched. Remembers the highest byte that was asked for,
// its alignment included, so that the plan can be checked against what a program really binds.
class Arena {
 public:
  // Throws Error (ExitCode::kDoesNotFit) if the system refuses the memory.
  explicit Arena(int64_t bytes, ArenaUse use = ArenaUse::kCompute);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // The address of [offset, offset + bytes), which must lie inside.
  std::byte* at(int64_t offset, int64_t bytes);
  int64_t bytes() const { return bytes_; }
  int64_t high_water() const { return high_water_; }

 private:
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
  int64_t high_water_ = 0;
};

}  // namespace weft
