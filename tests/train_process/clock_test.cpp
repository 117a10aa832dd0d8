// A clock of the day that jumps by hours, forth and back, in a whole process: only what tells the
// time of the day may show it.
#include <stdlib.h>

#include "event_reader.h"
#include "training_process.h"

namespace weft::train {
namespace {

class JumpingClock : public ProcessTest {
 protected:
  void SetUp() override {
    ProcessTest::SetUp();
    if (std::getenv("WEFT_JUMPING_CLOCK") == nullptr)
      GTEST_SKIP() << "WEFT_JUMPING_CLOCK names no library";
  }
  // What is started until the end of the test has that clock.
  std::unique_ptr<Process> start_in_it(const std::string& run, std::vector<std::string> overrides) {
    ::setenv("LD_PRELOAD", std::getenv("WEFT_JUMPING_CLOCK"), 1);
    auto process = start(run, std::move(overrides));
    ::unsetenv("LD_PRELOAD");
    return process;
  }
  std::vector<report::LogRecord> records(const std::string& run) const {
    return report::read_log(real_file_system(), folder_of(run) / kRunLogFile).records;
  }
};

TEST_F(JumpingClock, ChangesNothingButTheTimesOfTheDay) {
  const std::vector<std::string> long_enough = {"max_steps=40", "report_to=[tensorboard]"};
  ASSERT_EQ(start("whole", long_enough)->wait(), 0) << said("whole");
  const auto first = start_in_it("run", long_enough);
  wait_for_step("run", 12);
  first->send(SIGINT);
  EXPECT_EQ(first->wait(), 130) << said("run");
  EXPECT_EQ(start_in_it("run", long_enough)->wait(), 0) << said("run");
  EXPECT_EQ(trace("run", 40), trace("whole", 40));

  int jumps = 0;
  double before = 0;
  for (const report::LogRecord& record : records("run")) {
    if (record.wall_time && before > 0 && std::abs(*record.wall_time - before) > 3000) ++jumps;
    before = record.wall_time.value_or(before);
    if (!record.loss) continue;
    SCOPED_TRACE(report::to_json(record));
    EXPECT_GE(*record.eta_seconds, 0);
    EXPECT_LE(*record.eta_seconds, 600);
    EXPECT_GT(*record.tokens_per_second, 1);
    EXPECT_LE(*record.tokens_per_second, 1e9);
    EXPECT_GE(*record.data_wait, 0);
    EXPECT_LE(*record.data_wait, 1);
  }
  EXPECT_GE(jumps, 2) << "or the library was not loaded";
  const EventReader events(folder_of("run")), undisturbed(folder_of("whole"));
  for (const char* curve : {"train/loss", "eval/loss"})
    EXPECT_TRUE(events.curves().at(curve) == undisturbed.curves().at(curve)) << curve;
  for (const auto& entry : std::filesystem::directory_iterator(folder_of("run")))
    EXPECT_NE(entry.path().filename().string()[0], '.') << entry.path();
}

}  // namespace
}  // namespace weft::train
