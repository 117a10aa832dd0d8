#include "core/process.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <fstream>

namespace weft {

int64_t resident_bytes() {
  int64_t total = 0, resident = 0;
  std::ifstream statm("/proc/self/statm");
  return statm >> total >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

int64_t page_faults() {
  rusage usage{};
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_minflt + usage.ru_majflt : 0;
}

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc takes: larger blocks are the arena's
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace weft
