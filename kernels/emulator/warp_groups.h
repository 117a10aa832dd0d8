// What the four warps of a warp group do together on the host: wgmma and its groups, setmaxnreg.
// A product is issued when all 128 threads have come; it reads its operands and adds to its sums
// when the first of them waits for it, and each thread's registers get their sums when that thread
// waits. Until then they are NaN. PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions".
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "kernels/emulator/clocks.h"
#include "kernels/emulator/thread.h"

namespace weft::emulator {

class Block;

inline constexpr unsigned kWarpGroup = 128;
inline constexpr int kWgmmaRows = 64, kWgmmaK = 16;

// The sums of one warp group while products that add to them are under way: 64 rows of n.
struct SumsInFlight : std::enable_shared_from_this<SumsInFlight> {
  int n = 0;
  std::vector<float> values;
};

// What an accumulator in a thread's registers carries beside its numbers. It owns nothing: stacks
// of threads that a fault leaves in the middle are not unwound.
struct AccumulatorMark {
  SumsInFlight* sums = nullptr;
  unsigned pending = 0;  // products under way
  bool touched = true;   // accessed since the last wgmma_fence that names it

  void access(Site site);  // a fault while products are under way
};

struct WgmmaCall {
  int n = 0;
  float* sums = nullptr;  // n / 2 of this thread
  AccumulatorMark* mark = nullptr;
  const uint32_t* a = nullptr;  // four registers, or null: then descriptor_a
  uint64_t descriptor_a = 0, descriptor_b = 0;
  bool transposed_a = false, transposed_b = false;  // rows of k: M-major, N-major
  bool accumulate = true;
  Site site;
};

class WarpGroups {
 public:
  explicit WarpGroups(Block& block) : block_(block) {}
  void begin(unsigned threads);
  void end();  // faults if a product was never waited for

  void multiply(const WgmmaCall& call);
  void commit();
  void wait(size_t pending);
  // setmaxnreg: the warp group's registers a thread, from now on.
  void set_registers(unsigned count, Site site);

 private:
  struct Product;
  struct Pending {
    std::shared_ptr<Product> product;
    float* sums;
    AccumulatorMark* mark;
  };
  struct ThreadProducts {
    std::vector<Pending> open;
    std::deque<std::vector<Pending>> groups;
  };
  struct Gathering {
    const char* what = nullptr;
    unsigned arrived = 0;
    std::array<const void*, kWarpGroup> operands{};
  };

  // Whether the caller is the last of its warp group, after which `gathering` is whole; the others
  // wait until it calls release().
  Gathering* gather(const char* what, const void* operands, Site site);
  void release(Gathering& gathering);
  void issue(const Gathering& gathering);
  void check_alike(const Gathering& gathering) const;
  std::shared_ptr<SumsInFlight> take_sums(const Gathering& gathering);
  void start_reads(Product& product);
  void run(Product& product);
  void retire(Pending& pending);

  Block& block_;
  std::vector<Gathering> gatherings_;  // of each warp group
  std::vector<ThreadProducts> products_;
  std::vector<unsigned> registers_;
};

// What the vocabulary calls.
void wgmma(const WgmmaCall& call);
void wgmma_commit();
void wgmma_wait(size_t pending);
void set_registers(unsigned count, Site site);

}  // namespace weft::emulator
