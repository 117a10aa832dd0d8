#include "core/process.h"

#include <unistd.h>

#include <chrono>
#include <fstream>

namespace weft {

int64_t resident_bytes() {
  int64_t total = 0, resident = 0;
  std::ifstream statm("/proc/self/statm");
  return statm >> total >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace weft
