// What the vocabulary of kernels/cuda asks of the emulator, from inside an emulated thread. Kernels
// do not call this themselves.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::emulator {

// A place in the source: where a default argument makes one, the caller's.
struct Site {
  const char* file;
  int line;

  Site(const char* in_file = __builtin_FILE(), int at_line = __builtin_LINE())
      : file(in_file), line(at_line) {}
  bool operator==(const Site& other) const { return line == other.line && file == other.file; }
};

struct BlockIndex {
  unsigned x = 0, y = 0, z = 0;
};
struct GridSize {
  unsigned x = 1, y = 1, z = 1;
};
struct BlockLaunch {
  GridSize grid;
  unsigned threads = 1;
};

unsigned thread_index();
BlockIndex block_index();
const BlockLaunch& launch_of_block();

// Dynamic shared memory of the block. A fault if it is smaller than `bytes`.
void* shared_memory(size_t bytes, Site site);
// Where p lies in it, as descriptors of matrices count.
size_t shared_offset(const void* p);

// The running thread is about to read or write memory: bounds, alignment, races. The access itself
// is the caller's, where the sanitizers see it.
enum class Access { kRead, kWrite, kAtomic };
void note_access(const void* p, size_t bytes, Access access, Site site);

// bar.sync `id`: waits until `threads` threads of the block have arrived, and orders their memory.
void block_barrier(unsigned id, unsigned threads, Site site);
// bar.arrive: arrives, and does not wait.
void block_arrive(unsigned id, unsigned threads, Site site);
// __syncwarp: the same among the lanes of a mask.
void warp_barrier(uint32_t mask, Site site);

// An instruction that lanes execute together. Each gives a pointer to its operands; the last one to
// arrive calls run(operands), indexed by lane (null where the mask has no lane). Orders no memory.
struct Collective {
  const char* name;
  void (*run)(void* const* operands);
};
void collective(const Collective& what, uint32_t mask, void* operands, Site site);

}  // namespace weft::emulator
