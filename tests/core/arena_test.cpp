// The arena: addresses, its high-water mark, huge pages, and a refusal.
#include "core/arena.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "core/process.h"
#include "core/thread_pool.h"
#include "tests/core/sanitizer.h"
#include "weft/error.h"

namespace weft {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

TEST(Arena, RemembersTheHighestByteThatWasAskedFor) {
  Arena arena(1000);
  EXPECT_EQ(arena.high_water(), 0);
  arena.at(0, 1);
  EXPECT_EQ(arena.high_water(), kArenaAlignment);
  arena.at(64, 100);
  EXPECT_EQ(arena.high_water(), 192);
  arena.at(990, 10);
  EXPECT_EQ(arena.high_water(), 1000);
  EXPECT_EQ(arena.at(128, 1) - arena.at(0, 1), 128);
}

TEST(Arena, IsZeroedAndHoldsItsLastByte) {
  for (const int64_t bytes : {int64_t{1}, int64_t{4096}, 2 * kMiB - 1, 2 * kMiB, 5 * kMiB + 3}) {
    Arena arena(bytes);
    std::byte* memory = arena.at(0, bytes);
    EXPECT_EQ(memory[0], std::byte{0});
    EXPECT_EQ(memory[bytes - 1], std::byte{0});
    std::memset(memory, 1, static_cast<size_t>(bytes));
  }
  Arena empty(0);
  EXPECT_EQ(empty.bytes(), 0);
}

TEST(Arena, TouchedAtOnceNeedsNoPageLater) {
  // Each access touches pages of the sanitizer's own as well.
  if (WEFT_UNDER_SANITIZER) GTEST_SKIP() << "page faults are not counted under a sanitizer";
  for (const int64_t bytes : {int64_t{1}, int64_t{4097}, 6 * kMiB + 1}) {
    Arena arena(bytes);
    *arena.at(bytes / 2, 1) = std::byte{7};
    arena.touch(ThreadPool(3));
    EXPECT_EQ(*arena.at(bytes / 2, 1), std::byte{7});
    EXPECT_EQ(*arena.at(bytes - 1, 1), std::byte{bytes == 1 ? uint8_t{7} : uint8_t{0}});
    const int64_t before = page_faults();
    for (int64_t at = 0; at < bytes; at += 100) *arena.at(at, 1) = std::byte{1};
    *arena.at(bytes - 1, 1) = std::byte{1};
    EXPECT_EQ(page_faults(), before) << bytes;
  }
}

TEST(Arena, LiesInHugePagesWhereTheSystemGivesThem) {
  Arena arena(64 * kMiB + 5);
  std::byte* memory = arena.at(0, arena.bytes());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % (2 * kMiB), 0u);
  EXPECT_EQ(arena.huge_bytes(), 0) << "nothing was touched";
  const int64_t before = resident_bytes();
  std::memset(memory, 1, static_cast<size_t>(arena.bytes()));
  EXPECT_NEAR(static_cast<double>(resident_bytes() - before), 64.0 * kMiB, 1.0 * kMiB);
  // A setting of the kernel, which tests may not change.
  if (!system_gives_huge_pages()) GTEST_SKIP() << "this system gives no huge pages";
  EXPECT_GT(arena.huge_bytes(), 0);
  EXPECT_LE(arena.huge_bytes(), 64 * kMiB);
}

// Address space and no memory: more than any machine has.
TEST(Arena, OfAPlanTakesNoMemory) {
  Arena arena(int64_t{1} << 44, ArenaUse::kPlan);
  arena.at((int64_t{1} << 44) - 1, 1);
  EXPECT_EQ(arena.high_water(), int64_t{1} << 44);
}

TEST(Arena, RefusedMemoryIsAnErrorThatSaysWhatToDo) {
  try {
    Arena arena(int64_t{1} << 46);
    FAIL() << "64 TiB were given";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kDoesNotFit);
    EXPECT_THAT(error.what(), testing::HasSubstr("refuses 64.0 TiB of memory: "));
    EXPECT_THAT(error.what(), testing::HasSubstr("fewer or shorter sequences"));
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("micro_batch_size")))
        << "not every verb has it";
  }
}

TEST(Process, CountsThePagesThatItIsGiven) {
  const int64_t before = page_faults();
  Arena arena(kMiB);
  for (int64_t at = 0; at < kMiB; at += 4096) *arena.at(at, 1) = std::byte{1};
  EXPECT_GE(page_faults() - before, 1);
}

}  // namespace
}  // namespace weft
