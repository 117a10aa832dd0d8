// What asynchronous units read and write in shared memory: tensor cores (wgmma) and copies of
// boxes.
#include <algorithm>

#include "kernels/emulator/accesses.h"

namespace weft::emulator {

void Accesses::fence_proxy(unsigned thread) {
  fences_[thread] = clocks_.now(thread, 0);
  Clocks::Token nobody;
  clocks_.release(thread, nobody);  // writes from now on are later than the fence
}

// That the thread which wrote g has executed fence.proxy.async since.
void Accesses::check_fenced(const Granule& g, const AccessOf& a) {
  if (g.async || g.write.run != begin_.run || g.write.thread >= begin_.threads) return;
  const Stamp& fence = fences_[g.write.thread];
  const bool fenced =
      fence.run == begin_.run && (fence.epoch > g.write.epoch ||
                                  (fence.epoch == g.write.epoch && fence.clock >= g.write.clock));
  if (fenced) return;
  report(Detector::kMissingFence,
         what(a) + "of shared memory at " + std::to_string(shared_.offset(a.p)) + " that thread " +
             std::to_string(g.write.thread) + " wrote at line " + std::to_string(g.write.line) +
             ", with no fence.proxy.async of that thread since");
}

// A descriptor, or a box, that leaves shared memory.
void Accesses::check_shared(const AccessOf& a) {
  if (shared_.contains(a.p) && shared_.offset(a.p) + a.bytes <= shared_.bytes()) return;
  report(Detector::kSharedOutOfBounds,
         what(a) + "beyond the " + std::to_string(shared_.bytes()) + " bytes of shared memory");
}

void Accesses::begin_async_read(const AccessOf& a, const Clocks::Token& issued) {
  check_shared(a);
  Granule* g = shared_.granules(a.p);
  for (size_t i = 0; i < a.bytes / Granule::kBytes; ++i) {
    if (g[i].flight == begin_.run) {
      report(Detector::kCopyInFlight, what(a) + "of a copy that is still under way");
    }
    if (g[i].write.run != begin_.run) {
      const std::string at = std::to_string(shared_.offset(a.p));
      if (uninitialised_.empty()) {
        uninitialised_ = what(a) + "of shared memory at " + at + " that nothing was written to";
      }
    } else if (!clocks_.ordered(g[i].write, issued)) {
      report(Detector::kRaceInBlock,
             what(a) + "of shared memory at " + std::to_string(shared_.offset(a.p)) + " that " +
                 actor(g[i].write.thread) + " wrote at line " + std::to_string(g[i].write.line) +
                 ", with no barrier between that all who issue the read have passed");
    }
    check_fenced(g[i], a);
    if (g[i].reading != begin_.run) g[i].readers = 0;
    g[i].reading = begin_.run;
    ++g[i].readers;
  }
}

void Accesses::end_async_read(const AccessOf& a) {
  Granule* g = shared_.granules(a.p);
  const Stamp now = clocks_.now(a.thread, a.site.line);
  for (size_t i = 0; i < a.bytes / Granule::kBytes; ++i) {
    --g[i].readers;
    if (!has_read(g[i], now)) note_read(g[i], now);
  }
}

void Accesses::begin_async_write(const AccessOf& a) {
  check_shared(a);
  Granule* g = shared_.granules(a.p);
  const Stamp now = clocks_.now(a.thread, a.site.line);
  for (size_t i = 0; i < a.bytes / Granule::kBytes; ++i) {
    check_fenced(g[i], a);
    note_granule(g[i], a, now, false);
    g[i].flight = begin_.run;
  }
}

void Accesses::end_async_write(const AccessOf& a) {
  Granule* g = shared_.granules(a.p);
  const Stamp now = clocks_.now(a.thread, a.site.line);
  for (size_t i = 0; i < a.bytes / Granule::kBytes; ++i) {
    g[i].flight = 0;
    g[i].async = true;
    g[i].write = now;
  }
}

}  // namespace weft::emulator
