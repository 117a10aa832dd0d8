// The thread pool: every tile once, two tiles of one time on different workers, what tiles wrote
// seen by who waits, from loop to loop. Run under TSan as well.
#include <sched.h>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "core/thread_pool.h"

namespace weft {
namespace {

class ThreadPoolThreads : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPoolThreads, ::testing::Values(1, 2, 3, 7));

TEST_P(ThreadPoolThreads, RunEveryTileOnceWhateverTheirNumber) {
  const ThreadPool pool(GetParam());
  EXPECT_EQ(pool.threads(), GetParam());
  for (const int64_t tiles : {0, 1, 2, 3, 8, 1000}) {
    std::vector<int> runs(static_cast<size_t>(tiles));  // plain: TSan sees a tile that runs twice
    pool(tiles, [&](int64_t tile, int) { ++runs[static_cast<size_t>(tile)]; });
    EXPECT_EQ(runs, std::vector<int>(static_cast<size_t>(tiles), 1)) << tiles;
  }
}

TEST_P(ThreadPoolThreads, GiveTilesOfOneTimeDifferentWorkers) {
  const ThreadPool pool(GetParam());
  std::vector<std::atomic<int>> inside(static_cast<size_t>(GetParam()));
  std::atomic<int> clashes = 0;
  pool(500, [&](int64_t, int worker) {
    std::atomic<int>& mine = inside.at(static_cast<size_t>(worker));
    if (mine.fetch_add(1) != 0) ++clashes;
    std::this_thread::yield();
    mine.fetch_sub(1);
  });
  EXPECT_EQ(clashes, 0);
}

TEST_P(ThreadPoolThreads, EachLoopSeesWhatTheOneBeforeWrote) {
  const ThreadPool pool(GetParam());
  std::vector<int64_t> values(64, 0);
  const auto size = static_cast<int64_t>(values.size());
  for (int loop = 0; loop < 300; ++loop) {
    std::vector<int64_t> next(values.size());
    pool(size, [&](int64_t tile, int) {
      const auto i = static_cast<size_t>(tile);
      next[i] = values[(i + 1) % values.size()] + 1;
    });
    values = next;
  }
  EXPECT_EQ(values, std::vector<int64_t>(values.size(), 300));
}

TEST_P(ThreadPoolThreads, WakeAfterASleep) {
  const ThreadPool pool(GetParam());
  for (int loop = 0; loop < 3; ++loop) {
    std::atomic<int> ran = 0;
    pool(10, [&](int64_t, int) { ++ran; });
    EXPECT_EQ(ran, 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // longer than workers spin
  }
}

TEST_P(ThreadPoolThreads, EndWithoutHavingRunAnything) {
  for (int i = 0; i < 20; ++i) const ThreadPool unused(GetParam());
}

TEST(UsableThreads, FollowTheAffinityOfTheProcess) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  const int all = usable_threads();
  EXPECT_GE(all, 1);
  EXPECT_LE(all, CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(static_cast<size_t>(first), &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(first), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_threads(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(usable_threads(), all);
}

}  // namespace
}  // namespace weft
