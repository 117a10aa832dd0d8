// Bugs planted in a kernel that copies tiles asynchronously and multiplies them on tensor cores:
// each is found by the detector that is named for it, in every order of threads; what no detector
// can see, a comparison with the reference does.
#include "emulated.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/ring.h"
#include "kernels/cuda/tile.h"

namespace weft::cuda::testing {
namespace {

using namespace emulator::testing;

constexpr unsigned kThreads = 64;
constexpr int kSide = 64, kSteps = 3;

enum class Bug {
  kNone,
  kNoWait,
  kWaitForTooFew,
  kNoBarrierAfterWait,
  kNoBarrierBeforeReuse,
  kStoreIntoCopy,
  kWrongSwizzle,
  kWrongSource,
  kMisalignedSource,
  kWrongMaskEdge,
  kMmaInBranch,
};

// y [64, 64] = sum over steps of x_step [64, 64] times its transpose, by two warps of 32 rows; rows
// of x past `rows` count as zeros.
struct Args {
  const BFloat16* x;
  float* y;
  int64_t rows;
  Bug bug;
};

struct Shared {
  SharedTile<kSide, kSide> tile[2];
};

WEFT_DEVICE void copy_step(Shared& s, const Args& a, int64_t step) {
  const int64_t shift = a.bug == Bug::kMisalignedSource ? 1 : a.bug == Bug::kWrongSource ? 64 : 0;
  const MatrixView x{a.x + step * kSide * kSide + shift,
                     a.rows + (a.bug == Bug::kWrongMaskEdge ? 1 : 0), kSide, kSide, true};
  copy_tile(
      s.tile[step % 2], x, [](int r) { return int64_t{r}; }, [](int c) { return int64_t{c} * 8; });
  commit_copies();
}

WEFT_DEVICE void wait_for_step(const Args& a, bool last) {
  if (a.bug == Bug::kNoWait) return;
  if (a.bug == Bug::kWaitForTooFew && last) return wait_for_copies<1>();
  if (last) return wait_for_copies<0>();
  wait_for_copies<1>();
}

// The operand as a tile without the swizzle would hold it.
WEFT_DEVICE FragmentA load_unswizzled(SharedTile<kSide, kSide>& tile, int m, int k) {
  const int lane = static_cast<int>(lane_index()), matrix = lane / 8;
  const int row = m + 8 * (matrix % 2) + lane % 8, column = k + 8 * (matrix / 2);
  const auto v = load_matrices<false>(tile.elements + row * kSide + column);
  return {{v[0], v[1], v[2], v[3]}};
}

WEFT_DEVICE void multiply(const Args& a, SharedTile<kSide, kSide>& tile, FragmentC (&sums)[2][8]) {
  const int row = static_cast<int>(warp_index()) * 32;
  for (int k = 0; k < kSide; k += 16) {
    for (int i = 0; i < 2; ++i) {
      const FragmentA left = a.bug == Bug::kWrongSwizzle ? load_unswizzled(tile, row + i * 16, k)
                                                         : load_a<false>(tile, row + i * 16, k);
      for (int j = 0; j < 8; j += 2) {
        const FragmentsB right = load_b<true>(tile, k, j * 8);
        if (a.bug == Bug::kMmaInBranch && lane_index() >= 16) continue;
        mma(sums[i][j], left, right.left);
        mma(sums[i][j + 1], left, right.right);
      }
    }
  }
}

WEFT_KERNEL(kThreads) tile_kernel(Args a) {
  Shared& s = shared_memory<Shared>();
  FragmentC sums[2][8] = {};
  copy_step(s, a, 0);
  for (int64_t step = 0; step < kSteps; ++step) {
    const bool last = step + 1 == kSteps;
    if (!last) copy_step(s, a, step + 1);
    wait_for_step(a, last);
    if (a.bug != Bug::kNoBarrierAfterWait) block_barrier();
    if (a.bug == Bug::kStoreIntoCopy && !last) {
      store(s.tile[(step + 1) % 2].chunk(0, 0), BFloat16(1.0f));
    }
    multiply(a, s.tile[step % 2], sums);
    if (a.bug != Bug::kNoBarrierBeforeReuse) block_barrier();
  }
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 8; ++j) {
      for (int v = 0; v < 4; ++v) {
        const int row = static_cast<int>(warp_index()) * 32 + i * 16 + fragment_row(v);
        store(a.y + row * kSide + j * 8 + fragment_column(v), sums[i][j].v[v]);
      }
    }
  }
}

constexpr int64_t kRows = 50;

std::vector<float> input() {
  std::vector<float> x;
  for (int i = 0; i < (kSteps + 1) * kSide * kSide; ++i) {
    x.push_back(static_cast<float>(i % 7 - 3) * 0.5f);  // sums of products are exact
  }
  return x;
}

std::vector<float> expected() {
  const std::vector<float> x = input();
  std::vector<float> y(size_t{kSide} * kSide, 0.0f);
  for (size_t i = 0; i < static_cast<size_t>(kRows); ++i) {
    for (size_t j = 0; j < static_cast<size_t>(kRows); ++j) {
      for (size_t k = 0; k < size_t{kSteps} * kSide; ++k) {
        const size_t tile = k / kSide * kSide * kSide, at = tile + k % kSide;
        y[i * kSide + j] += x[at + i * kSide] * x[at + j * kSide];
      }
    }
  }
  return y;
}

std::vector<float> run(Bug bug) {
  std::vector<BFloat16> values;
  for (const float v : input()) values.push_back(BFloat16(v));
  DeviceArray<BFloat16> x(values, "x");
  DeviceArray<float> y(int64_t{kSide} * kSide, "y");
  launch({}, {.threads = kThreads, .shared_bytes = sizeof(Shared), .name = "tiles"}, tile_kernel,
         Args{x.data(), y.data(), kRows, bug});
  return {y.values().begin(), y.values().end()};
}

TEST(PlantedBugsInCopies, NoneIsFoundInTheCorrectKernel) {
  expect_found("", [] { run(Bug::kNone); });
  EXPECT_EQ(run(Bug::kNone), expected());
}

TEST(PlantedBugsInCopies, MissingWait) {
  expect_found("copy-in-flight", [] { run(Bug::kNoWait); });
}

TEST(PlantedBugsInCopies, WaitThatLeavesTheLastGroup) {
  expect_found("copy-in-flight", [] { run(Bug::kWaitForTooFew); });
}

// Who waited sees its own copies; those of other threads are under way or have just landed.
TEST(PlantedBugsInCopies, MissingBarrierAfterWait) {
  for (const emulator::Schedule& schedule : emulator::testing::kOrders) {
    const emulator::ScopedSchedule scope(schedule);
    const std::string found = finding_of([] { run(Bug::kNoBarrierAfterWait); }).detector;
    EXPECT_TRUE(found == "race-in-block" || found == "copy-in-flight") << found;
  }
}

TEST(PlantedBugsInCopies, StageFilledAgainBeforeItIsRead) {
  expect_found("race-in-block", [] { run(Bug::kNoBarrierBeforeReuse); });
}

TEST(PlantedBugsInCopies, StoreWhereACopyIsToLand) {
  expect_found("buffer-reused", [] { run(Bug::kStoreIntoCopy); });
}

TEST(PlantedBugsInCopies, MisalignedSource) {
  expect_found("misaligned", [] { run(Bug::kMisalignedSource); });
}

TEST(PlantedBugsInCopies, ProductThatSomeLanesDoNotReach) {
  expect_found("divergent-collective", [] { run(Bug::kMmaInBranch); });
}

TEST(PlantedBugsInCopies, WrongValuesAreFoundByTheReference) {
  for (const Bug bug : {Bug::kWrongSwizzle, Bug::kWrongSource, Bug::kWrongMaskEdge}) {
    expect_found("", [bug] { run(bug); });
    EXPECT_NE(run(bug), expected()) << static_cast<int>(bug);
  }
}

}  // namespace
}  // namespace weft::cuda::testing
