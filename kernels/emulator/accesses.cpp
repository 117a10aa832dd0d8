// Bounds, alignment, initialisation and races; accesses.h says what is checked.
#include "kernels/emulator/accesses.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace weft::emulator {
namespace {

constexpr int kNanPattern = 0xff;
// An access so far past an allocation was still meant for it.
constexpr size_t kNearGlobal = 4096;

const char* verb(Access access) {
  switch (access) {
    case Access::kRead: return "reads";
    case Access::kWrite: return "writes";
    case Access::kAtomic: return "updates";
  }
  return "?";
}

}  // namespace

std::string Accesses::actor(unsigned thread) const {
  if (thread < begin_.threads) return "thread " + std::to_string(thread);
  const unsigned unit = thread - begin_.threads;
  if (unit + 1 == begin_.units) return "a copy of a box";
  return "the tensor cores of warp group " + std::to_string(unit);
}

std::string Accesses::what(const AccessOf& a) const {
  return text_of(a.site) + ": " + actor(a.thread) + " " + verb(a.access) + " " +
         std::to_string(a.bytes) + " bytes ";
}

std::string text_of(Site site) {
  const std::string file = site.file;
  return file.substr(file.find_last_of('/') + 1) + ":" + std::to_string(site.line);
}

void SharedMemory::Free::operator()(std::byte* memory) const {
  ::operator delete (memory, std::align_val_t{kAlignment});
}

void SharedMemory::begin(size_t bytes) {
  bytes_ = bytes;
  memory_.reset(static_cast<std::byte*>(
      ::operator new (std::max<size_t>(bytes, 1), std::align_val_t{kAlignment})));
  std::memset(memory_.get(), kNanPattern, bytes);
  const size_t granules = bytes / Granule::kBytes + 1;
  if (shadow_.size() < granules) shadow_.resize(granules);
}

bool SharedMemory::contains(const void* p) const {
  const auto* at = static_cast<const std::byte*>(p);
  return memory_ && at >= memory_.get() && at < memory_.get() + bytes_;
}

size_t SharedMemory::distance(const void* p) const {
  const auto at = reinterpret_cast<uintptr_t>(p), begin = reinterpret_cast<uintptr_t>(data());
  if (at < begin) return begin - at;
  return at < begin + bytes_ ? 0 : at - (begin + bytes_);
}

void Accesses::report(Detector detector, const std::string& message) const {
  report_(detector, message);
  std::abort();  // a report does not return
}

void Accesses::begin(Begin begin) {
  begin_ = std::move(begin);
  shared_.begin(begin_.shared_bytes);
  clocks_.begin(begin_.run, begin_.threads + begin_.units);
  fences_.assign(begin_.threads, {});
  last_ = nullptr;
  uninitialised_.clear();
}

const Allocation* Accesses::global_place(const AccessOf& a) {
  if (last_ != nullptr && last_->contains(a.p, a.bytes)) return last_;
  const Allocation* found = find_allocation(*begin_.map, a.p);
  if (found != nullptr && found->contains(a.p, a.bytes)) return last_ = found;
  // Nobody knows what such an address was meant for: what lies nearest, in any layout of the heap.
  const auto past = [&] {
    const auto end = reinterpret_cast<uintptr_t>(found->begin) + found->bytes;
    const auto at = reinterpret_cast<uintptr_t>(a.p);
    return at < end ? size_t{0} : at - end;
  };
  const size_t beside = shared_.distance(a.p);
  if (beside < SharedMemory::kNear && (found == nullptr || beside < past())) {
    const auto offset =
        reinterpret_cast<intptr_t>(a.p) - reinterpret_cast<intptr_t>(shared_.data());
    report(Detector::kSharedOutOfBounds, what(a) + "at " + std::to_string(offset) + " of " +
                                             std::to_string(shared_.bytes()) +
                                             " bytes of shared memory");
  }
  const auto at = static_cast<const std::byte*>(a.p);
  if (found == nullptr || static_cast<size_t>(at - found->begin) > found->bytes + kNearGlobal) {
    report(Detector::kNotDeviceMemory, what(a) + "that are not memory of the device");
  }
  report(Detector::kGlobalOutOfBounds, what(a) + "at " + std::to_string(at - found->begin) +
                                           " of the " + std::to_string(found->bytes) +
                                           " bytes of " + found->name);
}

void Accesses::end() {
  shared_.end();
  if (uninitialised_.empty()) return;
  report(Detector::kUninitialisedShared, std::exchange(uninitialised_, {}));
}

void Accesses::check_place(const AccessOf& a) {
  const size_t alignment = a.alignment == 0 ? a.bytes : a.alignment;
  if (reinterpret_cast<uintptr_t>(a.p) % alignment != 0) {
    report(Detector::kMisaligned,
           what(a) + "at an address that is no multiple of " + std::to_string(alignment));
  }
  if (!shared_.contains(a.p)) {
    global_place(a);
  } else if (shared_.offset(a.p) + a.bytes > shared_.bytes()) {
    report(Detector::kSharedOutOfBounds, what(a) + "at " + std::to_string(shared_.offset(a.p)) +
                                             " of " + std::to_string(shared_.bytes()) +
                                             " bytes of shared memory");
  }
}

void Accesses::note(const AccessOf& a) {
  check_place(a);
  const bool global = !shared_.contains(a.p);
  if (global && !begin_.global_races) return;
  if (a.bytes < Granule::kBytes) return;  // neighbours of one byte share a granule
  Granule* g = global ? last_->granules(a.p) : shared_.granules(a.p);
  const Stamp now = clocks_.now(a.thread, a.site.line);
  for (size_t i = 0; i < a.bytes / Granule::kBytes; ++i) note_granule(g[i], a, now, global);
}

void Accesses::note_granule(Granule& g, const AccessOf& a, const Stamp& now, bool global) {
  if (g.flight == begin_.run) {
    const bool read = a.access == Access::kRead;
    report(read ? Detector::kCopyInFlight : Detector::kBufferReused,
           what(a) + "of a copy that is still under way");
  }
  if (a.access != Access::kRead && g.reading == begin_.run && g.readers > 0) {
    report(Detector::kBufferReused,
           what(a) + "that an asynchronous unit is still reading, wgmma or a copy of a box");
  }
  if (!global && a.access != Access::kWrite && g.write.run != begin_.run &&
      uninitialised_.empty()) {
    uninitialised_ = what(a) + "of shared memory at " + std::to_string(shared_.offset(a.p)) +
                     " that nothing was written to";
  }
  if (a.access == Access::kRead && has_read(g, now)) return;
  const bool both_atomic = a.access == Access::kAtomic && g.atomic;
  if (!both_atomic) check_order(g.write, a, true, global);
  if (a.access == Access::kRead) return note_read(g, now);
  for (const Stamp& read : g.reads) check_order(read, a, false, global);
  g.write = now;
  g.atomic = a.access == Access::kAtomic;
  g.async = false;
  g.reads = {};
}

// Whether the thread has read the granule since its last barrier: no write has come between, which
// would have cleared the readers, and what was checked then holds now.
bool Accesses::has_read(const Granule& g, const Stamp& now) {
  return std::any_of(g.reads.begin(), g.reads.end(), [&](const Stamp& s) {
    return s.run == now.run && s.epoch == now.epoch && s.clock == now.clock &&
           s.thread == now.thread;
  });
}

// A reader that a later one is ordered after need not be remembered: who is ordered after the later
// one is ordered after both.
void Accesses::note_read(Granule& g, const Stamp& now) {
  const auto group = [&](unsigned t) { return t < begin_.threads ? t / 32 : t; };
  const auto of_same_warp = [&](const Stamp& s) { return group(s.thread) == group(now.thread); };
  const auto stale = [&](const Stamp& s) {
    return s.run < begin_.first_run || (s.run == begin_.run && clocks_.ordered(s, now.thread));
  };
  auto slot = std::find_if(g.reads.begin(), g.reads.end(), stale);
  if (slot == g.reads.end()) slot = std::find_if(g.reads.begin(), g.reads.end(), of_same_warp);
  if (slot == g.reads.end()) slot = std::prev(g.reads.end());
  *slot = now;
}

void Accesses::check_order(const Stamp& earlier, const AccessOf& a, bool wrote, bool global) {
  if (earlier.run < begin_.first_run) return;  // of an earlier launch, or never
  const bool here = earlier.run == begin_.run;
  if (here ? clocks_.ordered(earlier, a.thread) : !global) return;
  const std::string where =
      global ? "of " + last_->name : "of shared memory at " + std::to_string(shared_.offset(a.p));
  report(here ? Detector::kRaceInBlock : Detector::kRaceBetweenBlocks,
         what(a) + where + " that " + actor(earlier.thread) + (wrote ? " wrote" : " read") +
             " at line " + std::to_string(earlier.line) +
             (here ? ", with no barrier between" : " in another block"));
}

}  // namespace weft::emulator
