// save_in_background: training goes on while a checkpoint is written, and what is written is what
// was there when the save began.
#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

#include "tests/io/protocol_mutants.h"
#include "tests/train/training_test.h"
#include "train/pretrain_plan.h"
#include "train/run_saver.h"

namespace weft::train {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// Creates no manifest of checkpoint-STEP before release(): by waiting, at most ten seconds, or by
// failing.
class HeldBack final : public ForwardingFileSystem {
 public:
  HeldBack(int64_t step, bool fails)
      : ForwardingFileSystem(real_file_system()),
        manifest_(".checkpoint-" + std::to_string(step) + ".partial/manifest.json"),
        fails_(fails) {}

  std::unique_ptr<WritableFile> open_for_writing(const Path& path, WriteMode mode) override {
    if (path.string().ends_with(manifest_)) {
      if (fails_) throw FileError("write", path, ENOSPC);
      std::unique_lock lock(mutex_);
      was_released_ = released_.wait_for(lock, std::chrono::seconds(10), [&] { return open_; });
    }
    return ForwardingFileSystem::open_for_writing(path, mode);
  }
  void release() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    released_.notify_all();
  }
  bool was_released() const { return was_released_; }

 private:
  std::string manifest_;
  bool fails_;
  std::mutex mutex_;
  std::condition_variable released_;
  bool open_ = false, was_released_ = false;
};

class BackgroundSaveThreads : public TrainingTest {
 protected:
  std::vector<std::string> options(bool background) const {
    return {"save_steps=2", "eval_steps=4",
            std::string("save_in_background=") + (background ? "true" : "false")};
  }
};

TEST_F(BackgroundSaveThreads, TrainingGoesOnAndTheCheckpointIsOfItsStep) {
  run(config("waits", options(false)));
  HeldBack files(2, false);
  files_ = &files;
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (record.step == 4) files.release();  // two steps later; the save at 4 waits for that at 2
  };
  run(config("goes-on", options(true)));
  EXPECT_TRUE(files.was_released());
  for (const int64_t step : {2, 4, 6, 8})
    EXPECT_EQ(trace("goes-on", step).tensors, trace("waits", step).tensors) << step;
  EXPECT_EQ(trace("goes-on", 8).log, trace("waits", 8).log);
}

TEST_F(BackgroundSaveThreads, AFailureIsToldAndTrainingGoesOn) {
  HeldBack files(4, true);
  files_ = &files;
  EXPECT_EQ(run(config("run", options(true))).updates, 8);
  EXPECT_THAT(recorder_.said("no checkpoint was saved at step 4, training goes on"), SizeIs(1));
  EXPECT_FALSE(has_checkpoint("run", 4));
  EXPECT_TRUE(has_checkpoint("run", 2) && has_checkpoint("run", 6) && has_checkpoint("run", 8));
}

TEST_F(BackgroundSaveThreads, AFailureOfTheLastOneIsAnError) {
  HeldBack files(8, true);
  files_ = &files;
  EXPECT_THAT(error_message([&] { run(config("run", options(true))); }),
              HasSubstr("the disk is full"));
}

// What is found out before the next step leaves its state to be saved at the end.
TEST_F(BackgroundSaveThreads, AFailureLeavesItsStateUnsaved) {
  HeldBack files(2, true);
  std::vector<std::string> told;
  RunSaver saver(files, folder_of("run"), {},
                 [&](const std::string& what) { told.push_back(what); });
  const auto checkpoint = [](int64_t step) {
    return io::CheckpointToSave{.step = step, .files = {io::text_to_write("weights", "all")}};
  };
  saver.state_has_changed();
  saver.begin(checkpoint(2));
  while (told.empty()) saver.collect_if_ended();
  EXPECT_THAT(told.front(), HasSubstr("no checkpoint was saved at step 2"));
  EXPECT_FALSE(saver.is_saved());
  saver.begin(checkpoint(3));
  saver.collect();
  EXPECT_TRUE(saver.is_saved() && has_checkpoint("run", 3));
}

TEST_F(BackgroundSaveThreads, AnInterruptWaitsForIt) {
  HeldBack files(2, false);
  files_ = &files;
  recorder_.on_record = [&](const report::LogRecord& record) {
    if (record.step != 3) return;
    interrupts_ = 1;
    files.release();
  };
  EXPECT_EQ(run(config("run", options(true))).outcome, Outcome::kInterrupted);
  EXPECT_TRUE(has_checkpoint("run", 2) && has_checkpoint("run", 3));
}

TEST_F(BackgroundSaveThreads, EndsAsARunThatWasStopped) {
  run(config("whole", options(true)));
  run_until(config("parts", options(true)), 3);
  run(config("parts", options(true)));
  EXPECT_EQ(trace("parts", 8), trace("whole", 8));
}

TEST_F(BackgroundSaveThreads, ThePlanHasTheBuffer) {
  for (const std::string kind : {"adamw", "muon"}) {
    std::vector<std::string> with = options(true), without = options(false);
    with.push_back("optimizer=" + kind);
    without.push_back("optimizer=" + kind);
    const SessionPlan plan = plan_pretraining(config("run", with), 1);
    EXPECT_EQ(plan.bytes, plan_pretraining(config("run", without), 1).bytes + plan.snapshot_bytes);
    EXPECT_EQ(bound_bytes(plan), plan.bytes);
    const PlanReport report = report_plan(plan);
    EXPECT_EQ(report.snapshot, plan.snapshot_bytes);
    EXPECT_GE(report.snapshot, report.parameters + report.optimizer_state);
    with.push_back("save_steps=null");  // then only the end is saved, and training waits for it
    EXPECT_EQ(plan_pretraining(config("run", with), 1).snapshot_bytes, 0);
  }
}

}  // namespace
}  // namespace weft::train
