#include "core/available_memory.h"

#include <algorithm>
#include <array>
#include <fstream>

namespace weft {
namespace {

struct ControlGroup {
  const char* limit;
  const char* used;
  const char* details;
  const char* droppable;  // a key of the details
};

// Of the second version, and of the first.
constexpr std::array kGroups = {
    ControlGroup{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current",
                 "sys/fs/cgroup/memory.stat", "inactive_file"},
    ControlGroup{"sys/fs/cgroup/memory/memory.limit_in_bytes",
                 "sys/fs/cgroup/memory/memory.usage_in_bytes", "sys/fs/cgroup/memory/memory.stat",
                 "total_inactive_file"},
};

// -1 where there is none: no such file, or the word "max".
int64_t number_in(const Path& file) {
  int64_t value = -1;
  std::ifstream(file) >> value;
  return value;
}

// The number behind the word `key`; 0 where there is none.
int64_t number_behind(const Path& file, std::string_view key) {
  std::ifstream input(file);
  for (std::string word; input >> word;) {
    int64_t value = 0;
    if (word == key && input >> value) return value;
  }
  return 0;
}

}  // namespace

int64_t available_memory(const Path& root) {
  int64_t available = number_behind(root / "proc/meminfo", "MemAvailable:") * 1024;
  for (const ControlGroup& group : kGroups) {
    const int64_t limit = number_in(root / group.limit), used = number_in(root / group.used);
    if (limit <= 0 || used < 0) continue;
    const int64_t left = limit - used + number_behind(root / group.details, group.droppable);
    available = std::min(available, std::max<int64_t>(1, left));
  }
  return available;
}

}  // namespace weft
