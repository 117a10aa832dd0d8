// One owner at a time, also where each removes the file of the lock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/file_lock.h"
#include "temporary_folder.h"

namespace weft {
namespace {

TEST(FileLockThreads, HasOneOwnerAlsoWhereTheFileIsRemoved) {
  const TemporaryFolder folder;
  const Path file = folder / "lock";
  std::atomic<int> owners = 0, together = 0, taken = 0;
  const auto take = [&] {
    for (int i = 0; i < 4000; ++i) {
      try {
        const auto lock = real_file_system().lock(file);
        if (owners.fetch_add(1) > 0) ++together;
        ++taken;
        if (!is_locked(file)) ++together;
        owners.fetch_sub(1);
        real_file_system().remove(file);
      } catch (const FileError&) {  // another thread has it
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(take);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(together, 0);
  EXPECT_GT(taken, 1000);
  EXPECT_FALSE(is_locked(file));
  EXPECT_TRUE(real_file_system().list(folder.path()).empty());
}

}  // namespace
}  // namespace weft
