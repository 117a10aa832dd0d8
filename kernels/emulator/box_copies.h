// Copies of boxes between tensors in global memory and tiles in shared memory, by the bulk copy
// engine (cp.async.bulk.tensor). Held back: a load lands when every thread waits for something, or
// at a random moment where the order is shuffled; a store reads and writes when it is waited for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "kernels/cuda/tensor_map.h"
#include "kernels/emulator/clocks.h"
#include "kernels/emulator/schedule.h"
#include "kernels/emulator/thread.h"

namespace weft::emulator {

class Block;

// One copy: the box of `map` at `at`, and the tile in shared memory.
struct BoxCopy {
  cuda::TensorMapSpec map;
  std::array<int, cuda::kMostRank> at{};
  std::byte* tile = nullptr;
  void* mbarrier = nullptr;  // of a load
  unsigned thread = 0;       // that issued it
  Site site;
  Clocks::Token issued;
  std::vector<std::byte> taken;  // of a store, once it has read
  bool read = false;
};

// A thread's stores under way, as ThreadCopies.
struct ThreadStores {
  std::vector<BoxCopy> open;
  std::deque<std::vector<BoxCopy>> groups;
};

class BoxCopies {
 public:
  explicit BoxCopies(Block& block) : block_(block) {}
  void begin(unsigned threads);
  // The last stores write. Faults if a copy is under way whose shared memory is given up.
  void end();

  void load(BoxCopy copy);
  // Lands the oldest, the newest or any load under way; false if there is none.
  bool land(Order order, uint64_t random);

  void store(BoxCopy copy);
  void commit_stores();
  // Until at most `pending` groups of the running thread's stores have yet to read or, if
  // `written`, to write.
  void wait_for_stores(size_t pending, bool written, Site site);

 private:
  void check_tile(const BoxCopy& copy) const;
  void take(BoxCopy& copy, Site site);
  void write(BoxCopy& copy);

  Block& block_;
  std::vector<BoxCopy> loads_;
  std::vector<ThreadStores> stores_;  // of each thread
  std::vector<BoxCopy> unwritten_;    // have read, and need not be waited for
};

// What the vocabulary calls.
BoxCopy box_copy(const cuda::TensorMap& map, std::array<int, cuda::kMostRank> at, const void* tile,
                 Site site);
void load_box(BoxCopy copy, void* mbarrier);
void store_box(BoxCopy copy);
void commit_boxes();
void wait_for_boxes(size_t pending, bool written, Site site);

}  // namespace weft::emulator
