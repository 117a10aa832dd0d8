// How much memory a stage may take for what it remembers.
#pragma once

#include <cstdint>
#include <string>

#include "data/clean/stage_config.h"
#include "weft/error.h"

namespace weft::data {

inline constexpr int64_t kMiB = 1 << 20;

inline int64_t memory_limit_of(const StageConfig& config) {
  return config.memory_mb.value_or(512) * kMiB;
}

class MemoryLimit {
 public:
  explicit MemoryLimit(int64_t bytes) : bytes_(bytes) {}
  void check(int64_t wanted) const {
    if (wanted > bytes_)
      throw Error("what a stage for duplicates remembers would take " +
                      std::to_string((wanted + kMiB - 1) / kMiB) + " MiB, it may take " +
                      std::to_string(bytes_ / kMiB) +
                      " MiB; raise its memory_mb, or prepare the input in parts",
                  ExitCode::kDoesNotFit);
  }

 private:
  int64_t bytes_;
};

}  // namespace weft::data
