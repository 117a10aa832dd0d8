// Checks each access of an emulated block to shared and global memory: bounds, alignment, reads of
// shared memory that nothing was written to, races within the block and between blocks. Knows no
// scheduler: it is told which thread acts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "kernels/emulator/clocks.h"
#include "kernels/emulator/device_memory.h"
#include "kernels/emulator/fault.h"
#include "kernels/emulator/thread.h"

namespace weft::emulator {

struct AccessOf {
  const void* p;
  size_t bytes;
  Access access;
  unsigned thread;
  Site site;
  size_t alignment = 0;  // 0: the bytes
};

// The block's shared memory: an object of its own for AddressSanitizer, filled with NaN patterns.
class SharedMemory {
 public:
  static constexpr size_t kAlignment = 1024;  // what 128-byte swizzles need
  // So near to shared memory, an address that is in no allocation is meant to lie in it.
  static constexpr size_t kNear = 4096;

  void begin(size_t bytes);
  void end() { memory_.reset(); }
  std::byte* data() const { return memory_.get(); }
  size_t bytes() const { return bytes_; }
  bool contains(const void* p) const;
  // How far p lies outside.
  size_t distance(const void* p) const;
  Granule* granules(const void* p) { return shadow_.data() + offset(p) / Granule::kBytes; }
  size_t offset(const void* p) const {
    return static_cast<size_t>(static_cast<const std::byte*>(p) - memory_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> memory_;
  size_t bytes_ = 0;
  std::vector<Granule> shadow_;  // stamps of earlier runs count as none
};

class Accesses {
 public:
  using Report = std::function<void(Detector, const std::string&)>;  // does not return

  // `first_run`: of the launch that run belongs to; stamps between are of other blocks of it.
  struct Begin {
    uint32_t run, first_run;
    unsigned threads, units;  // units: beside the threads
    size_t shared_bytes;
    MemoryMap map;
    bool global_races;
  };
  explicit Accesses(Report report) : report_(std::move(report)) {}
  void begin(Begin begin);
  // Reports what can only be told at the end: a read of shared memory before the write that it
  // races with is a race, without such a write it is one of uninitialised memory.
  void end();

  void note(const AccessOf& a);
  // The bounds and the alignment alone: what an asynchronous unit will access later.
  void check_place(const AccessOf& a);

  // What asynchronous units do with shared memory (async_accesses.cpp). A read begins when it is
  // issued, by threads that know `issued`; until it ends nothing may be written there. `a.thread`
  // is who issues it, or the unit. A write begins as one of the issuing thread's; until it ends the
  // place may be neither read nor written.
  void begin_async_read(const AccessOf& a, const Clocks::Token& issued);
  void end_async_read(const AccessOf& a);
  void begin_async_write(const AccessOf& a);
  void end_async_write(const AccessOf& a);
  // fence.proxy.async: what the thread has written, asynchronous units see from now on.
  void fence_proxy(unsigned thread);

  SharedMemory& shared() { return shared_; }
  Clocks& clocks() { return clocks_; }
  uint32_t run() const { return begin_.run; }
  [[noreturn]] void report(Detector detector, const std::string& message) const;

 private:
  const Allocation* global_place(const AccessOf& a);
  // `now`: of who accesses.
  void note_granule(Granule& g, const AccessOf& a, const Stamp& now, bool global);
  static bool has_read(const Granule& g, const Stamp& now);
  void note_read(Granule& g, const Stamp& now);
  void check_order(const Stamp& earlier, const AccessOf& a, bool wrote, bool global);
  void check_fenced(const Granule& g, const AccessOf& a);
  void check_shared(const AccessOf& a);
  std::string actor(unsigned thread) const;
  std::string what(const AccessOf& a) const;

  Report report_;
  Begin begin_{};
  SharedMemory shared_;
  Clocks clocks_;
  const Allocation* last_ = nullptr;  // found: accesses come in runs
  std::string uninitialised_;         // what the first such read was
  std::vector<Stamp> fences_;         // of each thread the last fence.proxy.async
};

// "file.cu:12", of the file's name alone.
std::string text_of(Site site);

}  // namespace weft::emulator
