// Bugs planted in small kernels, one at a time: each is found by the detector that is named for it,
// in every order of threads, and without a bug none speaks.
#include <cstdlib>

#include "emulated.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/memory.h"
#include "kernels/cuda/warp.h"
#include "kernels/emulator/sanitizer.h"

namespace weft::cuda::testing {
namespace {

using namespace emulator::testing;

constexpr unsigned kThreads = 96;

enum class Bug {
  kNone,
  kNoFirstBarrier,
  kNoSecondBarrier,
  kGlobalOutOfBounds,
  kSharedOutOfBounds,
  kTooLittleShared,
  kTooMuchShared,
  kHostPointer,
  kMisalignedVector,
  kUninitialised,
  kReturnBeforeBarrier,
  kTwoBarrierSites,
  kShuffleInBranch,
  kNoWarpBarrier,
  kWrongNamedCount,
  kBlocksAdd,
  kDroppedTail,
};

struct Args {
  const float* x;
  float* y;      // one sum per block
  float* total;  // over blocks, in slots of their own
  int64_t n;     // elements per block
  Bug bug;
};

struct Shared {
  float first[kThreads];
  float partial[kThreads / kWarp];
  float staged[kThreads];
};

WEFT_DEVICE float own_sum(const Args& a) {
  const int64_t n = a.n + (a.bug == Bug::kGlobalOutOfBounds && block_index().x == 1 ? 1 : 0) -
                    (a.bug == Bug::kDroppedTail ? a.n % kThreads : 0);
  float sum = 0.0f;
  for (int64_t i = thread_index(); i < n; i += kThreads) {
    sum += load(a.x + block_index().x * a.n + i);
  }
  return sum;
}

// Each thread's sum through shared memory, twice over the same memory, so that both barriers count.
WEFT_KERNEL(kThreads) sum_kernel(Args a) {
  Shared& s = shared_memory<Shared>();
  const unsigned t = thread_index();
  if (a.bug == Bug::kReturnBeforeBarrier && t >= 64) return;
  const float sum = own_sum(a);
  float all = 0.0f;
  for (int pass = 0; pass < 2; ++pass) {
    if (a.bug != Bug::kUninitialised || t != 5) {
      store(s.first + t + (a.bug == Bug::kSharedOutOfBounds ? 128 : 0), sum);
    }
    if (a.bug == Bug::kTwoBarrierSites && t < 32) {
      block_barrier();
    } else if (a.bug != Bug::kNoFirstBarrier) {
      block_barrier();
    }
    all = 0.0f;
    for (unsigned i = 0; i < kThreads; ++i) all += load(&s.first[i]);
    if (a.bug != Bug::kNoSecondBarrier) block_barrier();
  }
  if (t == 0) store(a.y + block_index().x, all);
  if (t == 0 && a.bug == Bug::kBlocksAdd) store(a.total, load(a.total) + all);
}

// What only lanes of one warp do: a shuffle, and a hand-over through shared memory.
WEFT_KERNEL(kThreads) warp_kernel(Args a) {
  Shared& s = shared_memory<Shared>();
  const unsigned t = thread_index();
  float v = load(a.x + t);
  if (a.bug != Bug::kShuffleInBranch || lane_index() < 16) v = shuffle_xor(v, 1);
  store(&s.staged[t], v);
  if (a.bug != Bug::kNoWarpBarrier) warp_barrier();
  v = load(&s.staged[t ^ 1]);
  named_barrier(1, a.bug == Bug::kWrongNamedCount ? 64 + 32 * (warp_index() % 2) : kThreads);
  store(a.y + t, v);
}

WEFT_KERNEL(kThreads) vector_kernel(Args a) {
  const float* x = a.x + (a.bug == Bug::kMisalignedVector ? 1 : 0);
  store_vector(a.y + 4 * thread_index(), load_vector<4>(x + 4 * thread_index()));
}

std::vector<float> launch_with(Bug bug, void (*kernel)(Args), unsigned blocks = 2) {
  DeviceArray<float> x(std::vector<float>(size_t{4} * kThreads + 4, 1.0f), "x");
  DeviceArray<float> sums(std::vector<float>(200, 1.0f), "sums_input");
  DeviceArray<float> y(kernel == sum_kernel ? blocks : 4 * kThreads, "y"), total(1, "total");
  const bool sum = kernel == sum_kernel;
  Args args{sum ? sums.data() : x.data(), y.data(), total.data(), 100, bug};
  static const float kOnHost[257] = {};  // far from what the heap holds
  if (bug == Bug::kHostPointer) args.x = kOnHost;
  size_t shared = bug == Bug::kTooLittleShared ? 64 : sizeof(Shared);
  if (bug == Bug::kTooMuchShared) shared = 164 * 1024;  // Hopper has as much
  launch({}, {.grid = {blocks}, .threads = kThreads, .shared_bytes = shared, .name = "planted"},
         kernel, args);
  return {y.values().begin(), y.values().end()};
}

TEST(PlantedBugs, NoneIsFoundInCorrectKernels) {
  expect_found("", [] { launch_with(Bug::kNone, sum_kernel); });
  expect_found("", [] { launch_with(Bug::kNone, warp_kernel, 1); });
  expect_found("", [] { launch_with(Bug::kNone, vector_kernel, 1); });
  EXPECT_EQ(launch_with(Bug::kNone, sum_kernel), (std::vector<float>{100.0f, 100.0f}));
}

TEST(PlantedBugs, MissingFirstBarrier) {
  expect_found("race-in-block", [] { launch_with(Bug::kNoFirstBarrier, sum_kernel); });
}

TEST(PlantedBugs, MissingSecondBarrier) {
  expect_found("race-in-block", [] { launch_with(Bug::kNoSecondBarrier, sum_kernel); });
}

TEST(PlantedBugs, GlobalMemoryPastItsEnd) {
  expect_found("global-out-of-bounds", [] { launch_with(Bug::kGlobalOutOfBounds, sum_kernel); });
  const Finding found = finding_of([] { launch_with(Bug::kGlobalOutOfBounds, sum_kernel); });
  EXPECT_NE(found.message.find("800 of the 800 bytes of sums_input"), std::string::npos);
  EXPECT_NE(found.message.find("planted_bugs_test.cpp:"), std::string::npos) << found.message;
  EXPECT_NE(found.message.find("kernel planted, block 1,0,0"), std::string::npos);
}

TEST(PlantedBugs, SharedMemoryPastItsEnd) {
  expect_found("shared-out-of-bounds", [] { launch_with(Bug::kSharedOutOfBounds, sum_kernel); });
}

TEST(PlantedBugs, LaunchWithTooLittleSharedMemory) {
  expect_found("bad-launch", [] { launch_with(Bug::kTooLittleShared, sum_kernel); });
}

TEST(PlantedBugs, LaunchWithMoreSharedMemoryThanTheDeviceHas) {
  expect_found("bad-launch", [] { launch_with(Bug::kTooMuchShared, sum_kernel); });
  const emulator::ScopedComputeCapability hopper(90);
  expect_found("", [] { launch_with(Bug::kTooMuchShared, sum_kernel); });
}

TEST(PlantedBugs, PointerToHostMemory) {
  expect_found("not-device-memory", [] { launch_with(Bug::kHostPointer, sum_kernel); });
}

TEST(PlantedBugs, MisalignedVector) {
  expect_found("misaligned", [] { launch_with(Bug::kMisalignedVector, vector_kernel, 1); });
}

TEST(PlantedBugs, ReadOfUninitialisedSharedMemory) {
  expect_found("uninitialised-shared", [] { launch_with(Bug::kUninitialised, sum_kernel); });
}

TEST(PlantedBugs, BarrierThatSomeThreadsDoNotReach) {
  expect_found("divergent-barrier", [] { launch_with(Bug::kReturnBeforeBarrier, sum_kernel); });
}

TEST(PlantedBugs, BarriersAtTwoPlaces) {
  expect_found("divergent-barrier", [] { launch_with(Bug::kTwoBarrierSites, sum_kernel); });
}

TEST(PlantedBugs, NamedBarrierOfTwoCounts) {
  expect_found("divergent-barrier", [] { launch_with(Bug::kWrongNamedCount, warp_kernel, 1); });
}

TEST(PlantedBugs, ShuffleThatSomeLanesDoNotReach) {
  expect_found("divergent-collective", [] { launch_with(Bug::kShuffleInBranch, warp_kernel, 1); });
}

TEST(PlantedBugs, MissingWarpBarrier) {
  expect_found("race-in-block", [] { launch_with(Bug::kNoWarpBarrier, warp_kernel, 1); });
}

TEST(PlantedBugs, BlocksThatAddToOnePlace) {
  expect_found("race-between-blocks", [] { launch_with(Bug::kBlocksAdd, sum_kernel); });
}

#if defined(WEFT_TSAN)
// With blocks on several OS threads races between them are ThreadSanitizer's to find: it does.
TEST(PlantedBugsThreads, ThreadSanitizerSeesBlocksThatAddToOnePlace) {
  constexpr int kExitOfThreadSanitizer = 66;
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const emulator::ScopedSchedule scope({emulator::Order::kForward, 1, 2});
        launch_with(Bug::kBlocksAdd, sum_kernel);
        std::exit(0);
      },
      ::testing::ExitedWithCode(kExitOfThreadSanitizer), "data race");
}
#endif

// Nothing is wrong with its accesses: the comparison with a reference finds it.
TEST(PlantedBugs, DroppedTailIsFoundByTheReference) {
  expect_found("", [] { launch_with(Bug::kDroppedTail, sum_kernel); });
  EXPECT_NE(launch_with(Bug::kDroppedTail, sum_kernel), (std::vector<float>{100.0f, 100.0f}));
}

}  // namespace
}  // namespace weft::cuda::testing
