// Bugs planted in a kernel for Hopper: a producer warp group copies boxes into a ring of stages, a
// consumer warp group multiplies them with wgmma and stores its tile as a box. Each bug is found by
// the detector that is named for it, in every order of threads; without one none speaks.
#include <algorithm>

#include "emulated.h"
#include "kernels/cuda/box_copies.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/tile.h"
#include "kernels/cuda/warp_group.h"
#include "kernels/cuda/wgmma.h"

namespace weft::cuda::testing {
namespace {

using namespace emulator::testing;

constexpr int kSide = 64, kSteps = 5, kStages = 2;
constexpr unsigned kThreads = 2 * kWarpGroup;

enum class Bug {
  kNone,
  kNoInitFence,
  kNoInitBarrier,
  kNotInitialised,
  kWrongPhase,
  kPhaseNotTurned,
  kTooFewBytes,
  kTooManyBytes,
  kSecondCopyNotExpected,
  kAllLanesIssue,
  kNoWaitForStage,
  kNoWaitForRelease,
  kReleaseBeforeWait,
  kOneArrivalMissing,
  kOneArrivalTooMany,
  kMisalignedTile,
  kWrongSwizzle,
  kStrideTooSmall,
  kStrideTooLarge,
  kBaseOffset,
  kNoWgmmaFence,
  kNoProductWait,
  kWaitForTooFewProducts,
  kNeverWaitedFor,
  kWgmmaOfThreeWarps,
  kDifferentDescriptors,
  kNoProxyFence,
  kStoreNotWaitedFor,
  kTileWrittenDuringStore,
  kNoBarrierBeforeStore,
  kWrongCoordinate,
  kWrongMajor,
};

// y [64, 64] = x [64, 320] w [64, 320]^T, both read 64 columns at a time.
struct Args {
  TensorMap x, w, y;
  Bug bug;

  WEFT_DEVICE bool has(Bug b) const { return bug == b; }
};

using Tile = MatrixTile<kSide, kSide>;

struct Shared {
  Tile x[kStages], w[kStages], y;
  Mbarrier full[kStages], empty[kStages], unused;
};

WEFT_DEVICE void produce(const Args& a, Shared& s) {
  RingPlace<kStages> at;
  for (int step = 0; step < kSteps; ++step) {
    if (!a.has(Bug::kNoWaitForRelease)) wait(s.empty[at.stage], at.parity ^ 1u);
    size_t bytes = 2 * Tile::bytes();
    if (a.has(Bug::kTooFewBytes)) bytes -= 16;
    if (a.has(Bug::kTooManyBytes)) bytes += 16;
    if (a.has(Bug::kSecondCopyNotExpected)) bytes = Tile::bytes();
    const int column = step * kSide + (a.has(Bug::kWrongCoordinate) && step == 3 ? 8 : 0);
    auto* tile = reinterpret_cast<char*>(&s.x[at.stage]);
    Mbarrier& full = a.has(Bug::kNotInitialised) ? s.unused : s.full[at.stage];
    arrive_and_expect(full, bytes);
    load_box<2>(tile + (a.has(Bug::kMisalignedTile) ? 128 : 0), a.x, {column, 0}, full);
    load_box<2>(&s.w[at.stage], a.w, {step * kSide, 0}, full);
    at.advance();
  }
}

WEFT_DEVICE MatrixDescriptor descriptor_of_x(const Args& a, const Tile& tile, int k) {
  MatrixDescriptor d = tile.rows_by_k(0, k);
  const auto* start = &tile.panels[0][0][k];
  if (a.has(Bug::kWrongSwizzle)) d = matrix_descriptor(start, 0, 1024, Swizzle::kNone);
  if (a.has(Bug::kStrideTooSmall)) d = matrix_descriptor(start, 0, 512, Swizzle::k128);
  if (a.has(Bug::kStrideTooLarge)) d = matrix_descriptor(start, 0, 65536, Swizzle::k128);
  if (a.has(Bug::kBaseOffset)) d.bits |= uint64_t{1} << 49;
  if (a.has(Bug::kDifferentDescriptors) && thread_index() == 77) d = tile.rows_by_k(0, 48 - k);
  return d;
}

WEFT_DEVICE void multiply_stage(const Args& a, Shared& s, int stage, Accumulator<kSide>& sums,
                                bool first) {
  if (!a.has(Bug::kNoWgmmaFence)) wgmma_fence(sums);
  if (a.has(Bug::kWgmmaOfThreeWarps) && warp_index() == 3) return;
  for (int k = 0; k < kSide; k += 16) {
    const MatrixDescriptor x = descriptor_of_x(a, s.x[stage], k);
    if (a.has(Bug::kWrongMajor)) {
      multiply<Major::kK, Major::kMN>(sums, x, s.w[stage].columns_by_k(k, 0), !first || k > 0);
    } else {
      multiply<Major::kK, Major::kK>(sums, x, s.w[stage].rows_by_k(0, k), !first || k > 0);
    }
  }
  if (!a.has(Bug::kNeverWaitedFor)) commit_products();
}

WEFT_DEVICE void release(const Args& a, Mbarrier& empty) {
  if (lane_index() != 0) return;
  if (a.has(Bug::kOneArrivalMissing) && warp_index() == 2) return;
  arrive(empty);
  if (a.has(Bug::kOneArrivalTooMany)) arrive(empty);
}

WEFT_DEVICE void write_tile(const Args& a, Shared& s, Accumulator<kSide>& sums) {
  const int row = static_cast<int>(warp_index()) * 16;
  for (int j = 0; j < kSide / 8; ++j) {
    for (int v = 0; v < 4; v += 2) {
      const uint32_t pair = pack_bfloat16(sums(j, v), sums(j, v + 1));
      BFloat16* chunk = s.y.chunk(row + fragment_row(v), j * 8);
      store(reinterpret_cast<uint32_t*>(chunk + fragment_column(v)), pair);
    }
  }
  if (!a.has(Bug::kNoProxyFence)) fence_async_proxy();
  if (!a.has(Bug::kNoBarrierBeforeStore)) named_barrier(1, kWarpGroup);
  if (thread_index() == 0) {
    store_box<2>(a.y, {0, 0}, &s.y);
    commit_boxes();
    if (a.has(Bug::kTileWrittenDuringStore)) store(s.y.chunk(63, 0), BFloat16(1.0f));
    if (!a.has(Bug::kStoreNotWaitedFor)) wait_for_boxes_read<0>();
  }
}

WEFT_DEVICE void consume(const Args& a, Shared& s) {
  Accumulator<kSide> sums;
  RingPlace<kStages> at;
  if (a.has(Bug::kWrongPhase)) at.parity = 1;
  for (int step = 0; step < kSteps; ++step) {
    if (!a.has(Bug::kNoWaitForStage)) wait(s.full[at.stage], at.parity);
    multiply_stage(a, s, at.stage, sums, step == 0);
    if (a.has(Bug::kReleaseBeforeWait)) release(a, s.empty[at.stage]);
    if (a.has(Bug::kWaitForTooFewProducts)) wait_for_products<1>(sums);
    else if (!a.has(Bug::kNoProductWait)) wait_for_products<0>(sums);
    if (!a.has(Bug::kReleaseBeforeWait)) release(a, s.empty[at.stage]);
    at.advance();
    if (a.has(Bug::kPhaseNotTurned)) at.parity = 0;
  }
  write_tile(a, s, sums);
}

WEFT_KERNEL(kThreads) pipeline_kernel(WEFT_GRID_CONSTANT Args a) {
  Shared& s = shared_memory<Shared>();
  if (thread_index() == 0) {
    for (int i = 0; i < kStages; ++i) {
      init(s.full[i], 1);
      init(s.empty[i], 4);
    }
    if (!a.has(Bug::kNoInitFence)) fence_mbarriers();
  }
  if (!a.has(Bug::kNoInitBarrier)) block_barrier();
  if (warp_group_index() == 0) {
    take_registers<232>();
    consume(a, s);
  } else {
    give_registers_back<24>();
    if (warp_index() != 4) return;
    if (a.has(Bug::kAllLanesIssue) || elect_lane()) produce(a, s);
  }
}

std::vector<float> numbers(size_t n, size_t period) {
  std::vector<float> x;
  for (size_t i = 0; i < n; ++i) {
    const size_t step = i * 7 % period;
    x.push_back((static_cast<float>(step) - static_cast<float>(period / 2)) * 0.25f);
  }
  return x;  // sums of products are exact
}

constexpr size_t kColumns = size_t{kSteps} * kSide;
constexpr int64_t kRows = 50;  // of x and y: the rest of the box lies outside

std::vector<float> expected() {
  const std::vector<float> x = numbers(kRows * kColumns, 11), w = numbers(kSide * kColumns, 13);
  std::vector<float> y(size_t{kRows} * kSide);
  for (size_t i = 0; i < y.size(); ++i) {
    float sum = 0.0f;
    for (size_t k = 0; k < kColumns; ++k) {
      sum += x[i / kSide * kColumns + k] * w[i % kSide * kColumns + k];
    }
    y[i] = static_cast<float>(BFloat16(sum));
  }
  return y;
}

std::vector<BFloat16> rounded(const std::vector<float>& x) {
  return {x.begin(), x.end()};
}

TensorMapSpec matrix(const BFloat16* data, int64_t rows, int64_t columns) {
  return {.data = data,
          .size = {columns, rows, 1, 1},
          .stride = {0, columns * 2, 0, 0},
          .box = {kSide, kSide, 1, 1}};
}

std::vector<float> run(Bug bug) {
  DeviceArray<BFloat16> x(rounded(numbers(kRows * kColumns, 11)), "x");
  DeviceArray<BFloat16> w(rounded(numbers(kSide * kColumns, 13)), "w");
  DeviceArray<BFloat16> y(kRows * kSide, "y");
  const Args args{make_tensor_map(matrix(x.data(), kRows, kColumns)),
                  make_tensor_map(matrix(w.data(), kSide, kColumns)),
                  make_tensor_map(matrix(y.data(), kRows, kSide)), bug};
  launch({}, {.threads = kThreads, .shared_bytes = sizeof(Shared), .name = "pipeline"},
         pipeline_kernel, args);
  std::vector<float> values;
  for (const BFloat16 v : y.values()) values.push_back(static_cast<float>(v));
  return values;
}

// Whichever of the detectors comes first under the order finds it.
void expect_one_of(const std::vector<std::string>& detectors, Bug bug) {
  for (const emulator::Schedule& schedule : kOrders) {
    const emulator::ScopedSchedule scope(schedule);
    const Finding found = finding_of([bug] { run(bug); });
    EXPECT_TRUE(std::find(detectors.begin(), detectors.end(), found.detector) != detectors.end())
        << "bug " << static_cast<int>(bug) << " order " << static_cast<int>(schedule.order) << ": "
        << found.message;
  }
}

TEST(PlantedBugsForHopper, NoneIsFoundInTheCorrectKernel) {
  expect_found("", [] { run(Bug::kNone); });
  EXPECT_EQ(run(Bug::kNone), expected());
}

TEST(PlantedBugsForHopper, Mbarriers) {
  expect_one_of({"missing-fence"}, Bug::kNoInitFence);
  expect_one_of({"race-in-block", "bad-mbarrier"}, Bug::kNoInitBarrier);
  expect_one_of({"bad-mbarrier"}, Bug::kNotInitialised);
  expect_one_of({"deadlock"}, Bug::kOneArrivalMissing);
  expect_one_of({"bad-mbarrier", "race-in-block", "deadlock", "copy-in-flight", "buffer-reused"},
                Bug::kOneArrivalTooMany);
}

TEST(PlantedBugsForHopper, PhasesOfAnMbarrier) {
  expect_one_of({"copy-in-flight", "buffer-reused", "race-in-block"}, Bug::kWrongPhase);
  expect_one_of(
      {"copy-in-flight", "buffer-reused", "race-in-block", "deadlock", "divergent-collective"},
      Bug::kPhaseNotTurned);
}

TEST(PlantedBugsForHopper, TransactionCounts) {
  expect_one_of({"transaction-count"}, Bug::kTooFewBytes);
  expect_one_of({"transaction-count"}, Bug::kTooManyBytes);
  expect_one_of({"transaction-count", "copy-in-flight", "race-in-block"},
                Bug::kSecondCopyNotExpected);
  expect_one_of({"buffer-reused", "bad-mbarrier"}, Bug::kAllLanesIssue);
}

TEST(PlantedBugsForHopper, RingOfStages) {
  expect_one_of({"copy-in-flight", "buffer-reused", "race-in-block"}, Bug::kNoWaitForStage);
  expect_one_of({"buffer-reused", "race-in-block", "copy-in-flight", "bad-mbarrier"},
                Bug::kNoWaitForRelease);
  expect_one_of({"buffer-reused", "race-in-block"}, Bug::kReleaseBeforeWait);
}

TEST(PlantedBugsForHopper, TilesAndDescriptors) {
  expect_one_of({"bad-tensor-map"}, Bug::kMisalignedTile);
  expect_one_of({"bad-descriptor"}, Bug::kWrongSwizzle);
  expect_one_of({"bad-descriptor"}, Bug::kStrideTooSmall);
  expect_one_of({"shared-out-of-bounds", "uninitialised-shared"}, Bug::kStrideTooLarge);
  expect_one_of({"bad-descriptor"}, Bug::kBaseOffset);
}

TEST(PlantedBugsForHopper, ProductsUnderWay) {
  expect_one_of({"missing-fence"}, Bug::kNoWgmmaFence);
  expect_one_of({"accumulator-in-flight", "buffer-reused"}, Bug::kNoProductWait);
  expect_one_of({"accumulator-in-flight", "buffer-reused"}, Bug::kWaitForTooFewProducts);
  expect_one_of({"accumulator-in-flight", "buffer-reused"}, Bug::kNeverWaitedFor);
  expect_one_of({"divergent-collective"}, Bug::kWgmmaOfThreeWarps);
  expect_one_of({"divergent-collective"}, Bug::kDifferentDescriptors);
}

TEST(PlantedBugsForHopper, StoresOfBoxes) {
  expect_one_of({"missing-fence"}, Bug::kNoProxyFence);
  expect_one_of({"copy-in-flight"}, Bug::kStoreNotWaitedFor);
  expect_one_of({"buffer-reused"}, Bug::kTileWrittenDuringStore);
  expect_one_of({"race-in-block", "buffer-reused"}, Bug::kNoBarrierBeforeStore);
}

// Three warp groups of 176 registers a thread: more than a multiprocessor has.
WEFT_KERNEL(3 * kWarpGroup) greedy_kernel(int) {
  take_registers<176>();
}

TEST(PlantedBugsForHopper, Registers) {
  expect_found("bad-launch",
               [] { launch({}, {.threads = 3 * kWarpGroup, .name = "greedy"}, greedy_kernel, 0); });
}

TEST(PlantedBugsForHopper, WrongValuesAreFoundByTheReference) {
  for (const Bug bug : {Bug::kWrongCoordinate, Bug::kWrongMajor}) {
    expect_found("", [bug] { run(bug); });
    EXPECT_NE(run(bug), expected()) << static_cast<int>(bug);
  }
}

}  // namespace
}  // namespace weft::cuda::testing
