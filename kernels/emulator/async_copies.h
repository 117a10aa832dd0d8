// cp.async on the host: a copy happens when it is waited for, not before. Until then its target may
// be neither read nor written.
#pragma once

#include <cstddef>
#include <cstring>
#include <deque>
#include <vector>

#include "kernels/emulator/thread.h"

namespace weft::emulator {

struct Copy {
  static constexpr size_t kBytes = 16;
  void* to;
  const void* from;
  size_t bytes;  // the rest are zeros

  // Inline: the sanitizers see it as the waiting thread's access.
  void land(Site site) const {
    note_landing(*this, site);
    if (bytes > 0) std::memcpy(to, from, bytes);
    if (bytes < kBytes) std::memset(static_cast<char*>(to) + bytes, 0, kBytes - bytes);
  }
  static void note_landing(const Copy& copy, Site site);
};

// A thread's copies under way: those of no group yet, and groups, oldest first.
struct ThreadCopies {
  std::vector<Copy> open;
  std::deque<std::vector<Copy>> groups;
};

void copy_async(void* to, const void* from, size_t bytes, Site site);
void commit_copies();
// The running thread's copies of all but its `pending` newest groups.
std::vector<Copy> take_copies(size_t pending);

}  // namespace weft::emulator
