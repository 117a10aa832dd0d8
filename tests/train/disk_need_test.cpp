// How many checkpoints a run adds to the disk, and that a run which cannot keep them does not
// begin.
#include "train/disk_need.h"

#include <gmock/gmock.h>

#include "tests/io/protocol_mutants.h"
#include "tests/train/training_test.h"

namespace weft::train {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// A disk that says how much is free, and on which no checkpoint fits while `full` says so.
class SmallDisk final : public ForwardingFileSystem {
 public:
  explicit SmallDisk(int64_t free) : ForwardingFileSystem(real_file_system()), free_(free) {}
  int64_t free_bytes(const Path&) const override { return free_; }
  std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode mode) override {
    if (full && path.string().find(".partial") != std::string::npos)
      throw FileError("write", path, ENOSPC);
    return ForwardingFileSystem::open_for_writing(path, mode);
  }
  bool full = false;

 private:
  int64_t free_;
};

class DiskNeed : public TrainingTest {
 protected:
  int64_t added(std::vector<std::string> options, int64_t first = 0, int64_t existing = 0) {
    return checkpoints_added(config("run", std::move(options)),
                             {.first_step = first, .total_steps = 100}, existing);
  }
};

TEST_F(DiskNeed, CountsWhatTheConfigKeeps) {
  EXPECT_EQ(added({}), 1) << "the end alone";
  EXPECT_EQ(added({"save_steps=10"}), 10);
  EXPECT_EQ(added({"save_steps=30"}), 4) << "30, 60, 90 and the end";
  EXPECT_EQ(added({"save_steps=10"}, 95), 1);
  EXPECT_EQ(added({"save_steps=10"}, 100), 0);
  EXPECT_EQ(added({"save_steps=10", "save_total_limit=2"}), 4) << "with the best and the new one";
  EXPECT_EQ(added({"save_steps=10", "save_total_limit=2", "keep_best_checkpoint=false"}), 3);
  EXPECT_EQ(added({"save_steps=10", "save_total_limit=2", "non_finite_policy=rewind"}), 5)
      << "and the one to go back to";
  EXPECT_EQ(added({"save_steps=10", "save_total_limit=2"}, 50, 3), 1);
  EXPECT_EQ(added({"save_steps=1", "save_total_limit=2", "save_keep_every=25"}), 8);
  EXPECT_EQ(added({"save_steps=50", "save_total_limit=9"}), 2) << "never more than are saved";
  const std::string best = "load_best_model_at_end=true";
  EXPECT_EQ(added({best, "eval_steps=10"}), 10) << "each evaluation may find the best";
  EXPECT_EQ(added({best, "eval_steps=15"}), 7) << "and the end";
  EXPECT_EQ(added({best, "eval_steps=20", "save_steps=30"}), 7) << "20 30 40 60 80 90 100";
  EXPECT_EQ(added({best, "eval_steps=100", "save_steps=30"}), 4);
}

TEST_F(DiskNeed, ARunThatCannotKeepItsCheckpointsDoesNotBegin) {
  SmallDisk disk(1'000'000);  // three checkpoints of 307 KiB
  files_ = &disk;
  const auto message = [&](std::vector<std::string> options) {
    try {
      open(config("run", std::move(options)));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kDoesNotFit);
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string refused = message({"save_steps=1", "save_total_limit=3"});
  EXPECT_THAT(refused, HasSubstr("this run will keep 5 of 307 KiB each in"));
  EXPECT_THAT(refused, HasSubstr("with 977 KiB free there is room for 3;"));
  EXPECT_THAT(refused, HasSubstr("set save_total_limit (3) lower"));
  EXPECT_EQ(message({"save_steps=1", "save_total_limit=1"}), "");
  EXPECT_EQ(message({"save_steps=4"}), "");
  EXPECT_THAT(recorder_.messages, testing::IsEmpty());
  EXPECT_EQ(message({"save_steps=1"}), "") << "it may be stopped before the disk is full";
  EXPECT_THAT(recorder_.said("this run will keep 8 of 307 KiB"), SizeIs(1));
  SmallDisk tiny(100'000);
  files_ = &tiny;
  EXPECT_THAT(message({}), HasSubstr("there is room for 0;"));
}

TEST_F(DiskNeed, AFullDiskIsToldEachTimeAndTrainingUsesItAgainWhenThereIsRoom) {
  run(config("whole", {"save_steps=1"}));
  SmallDisk disk(int64_t{1} << 40);
  files_ = &disk;
  recorder_.on_record = [&](const report::LogRecord& record) {
    disk.full = record.step >= 3 && record.step <= 5;
  };
  EXPECT_EQ(run(config("run", {"save_steps=1"})).updates, 8);
  EXPECT_THAT(recorder_.said("training goes on"), SizeIs(3));
  for (int64_t step = 3; step <= 5; ++step)
    EXPECT_THAT(recorder_.said("no checkpoint was saved at step " + std::to_string(step)),
                SizeIs(1));
  for (int64_t step = 1; step <= 8; ++step)
    EXPECT_EQ(has_checkpoint("run", step), step < 3 || step > 5) << step;
  EXPECT_NO_THROW(io::open_checkpoint(real_file_system(), checkpoint("run", 2)));
  EXPECT_EQ(trace("run", 8), trace("whole", 8));
}

}  // namespace
}  // namespace weft::train
