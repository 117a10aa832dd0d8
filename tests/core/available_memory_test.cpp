// What a machine and its control group leave to a process.
#include "core/available_memory.h"

#include <gtest/gtest.h>

#include "tests/core/temporary_folder.h"

namespace weft {
namespace {

class AvailableMemory : public testing::Test {
 protected:
  void has(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((folder_ / file).parent_path());
    folder_.write(file, text);
  }
  TemporaryFolder folder_;
};

TEST_F(AvailableMemory, IsUnknownWhereNothingSaysIt) {
  EXPECT_EQ(available_memory(folder_.path()), 0);
}

TEST_F(AvailableMemory, IsTheKernelsWithoutALimit) {
  has("proc/meminfo", "MemTotal: 4000 kB\nMemFree: 10 kB\nMemAvailable: 3000 kB\n");
  EXPECT_EQ(available_memory(folder_.path()), 3000 * 1024);
  has("sys/fs/cgroup/memory.max", "max\n");
  has("sys/fs/cgroup/memory.current", "100\n");
  EXPECT_EQ(available_memory(folder_.path()), 3000 * 1024);
}

// A container that has read a large dataset has used up its limit with copies of files.
TEST_F(AvailableMemory, IsWhatALimitLeavesFilesNotCounted) {
  has("proc/meminfo", "MemAvailable: 3000 kB\n");
  has("sys/fs/cgroup/memory.max", "1000000\n");
  has("sys/fs/cgroup/memory.current", "900000\n");
  EXPECT_EQ(available_memory(folder_.path()), 100'000);
  has("sys/fs/cgroup/memory.stat", "anon 200000\nfile 700000\ninactive_file 600000\n");
  EXPECT_EQ(available_memory(folder_.path()), 700'000);
  has("sys/fs/cgroup/memory/memory.limit_in_bytes", "500000\n");
  has("sys/fs/cgroup/memory/memory.usage_in_bytes", "500000\n");
  EXPECT_EQ(available_memory(folder_.path()), 1) << "nothing, but known";
}

TEST(AvailableMemoryOfThisMachine, IsKnown) {
  EXPECT_GT(available_memory(), 1 << 20);
}

}  // namespace
}  // namespace weft
