// What users, schedulers and power cuts do to a running `weft pretrain`: signals at any moment,
// exit codes, and that the same command goes on to the same end.
#include "io/checkpoint_store.h"
#include "training_process.h"

namespace weft::train {
namespace {

class Signals : public ProcessTest {};

TEST_F(Signals, AfterKillNineTheSameCommandEndsAsIfNothingHadHappened) {
  ASSERT_EQ(start("whole", {"max_steps=40"})->wait(), 0);
  for (const int64_t step : {3, 15, 26}) {  // before any checkpoint, right after one, between two
    const auto process = start("killed", {"max_steps=40"});
    wait_for_step("killed", step);
    process->send(SIGKILL);
    EXPECT_EQ(process->wait(), 128 + SIGKILL);
  }
  EXPECT_EQ(start("killed", {"max_steps=40"})->wait(), 0) << said("killed");
  EXPECT_EQ(trace("killed", 40), trace("whole", 40));
}

TEST_F(Signals, AnInterruptSavesAndEndsWith130) {
  ASSERT_EQ(start("whole", {"max_steps=30"})->wait(), 0);
  for (const int64_t step : {4, 9, 13}) {
    const auto process = start("run", {"max_steps=30"});
    wait_for_step("run", step);
    process->send(SIGINT);
    EXPECT_EQ(process->wait(), 130) << said("run");
    EXPECT_THAT(said("run"), HasSubstr("interrupted and saved at step"));
  }
  EXPECT_EQ(start("run", {"max_steps=30"})->wait(), 0) << said("run");
  EXPECT_EQ(trace("run", 30), trace("whole", 30));
}

// The frame of a signal handler on a stack that oneDNN had moved overwrote the heap.
TEST_F(Signals, InLargeMatrixProductsOverwriteNothing) {
  const auto process = start("large", {"max_steps=1000000", "save_steps=null", "eval_steps=null",
                                       "model.hidden_size=256", "model.intermediate_size=1024"});
  wait_for_step("large", 2);
  for (int i = 0; i < 200; ++i) {
    process->send(SIGUSR1);
    std::this_thread::sleep_for(std::chrono::microseconds(500));
  }
  EXPECT_EQ(process->wait(), static_cast<int>(ExitCode::kPreempted)) << said("large");
  EXPECT_THAT(said("large"), HasSubstr("interrupted and saved at step"));
}

TEST_F(Signals, ASchedulersSignalsSaveAndAskForTheQueue) {
  for (const int signal : {SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU}) {
    const std::string name = "taken-" + std::to_string(signal);
    const auto process = start(name, {"max_steps=1000000"});
    wait_for_step(name, 2);
    process->send(signal);
    process->send(signal);
    EXPECT_EQ(process->wait(), static_cast<int>(ExitCode::kPreempted)) << said(name);
    EXPECT_THAT(said(name), HasSubstr("interrupted and saved"));
  }
}

TEST_F(Signals, TwoInterruptsEndAtOnceAndNothingIsLost) {
  ASSERT_EQ(start("whole", {"max_steps=30"})->wait(), 0);
  const auto process = start("run", {"max_steps=30"});
  wait_for_step("run", 12);
  process->send(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  process->send(SIGINT);
  EXPECT_EQ(process->wait(), 130);
  EXPECT_EQ(start("run", {"max_steps=30"})->wait(), 0) << said("run");
  EXPECT_EQ(trace("run", 30), trace("whole", 30));
}

// Steps so long that the first interrupt alone would be waiting for one.
TEST_F(Signals, ASecondInterruptWaitsForNoStep) {
  const auto process = start("run", {"max_steps=1000000", "gradient_accumulation_steps=300"});
  wait_for_step("run", 1);
  process->send(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  for (int i = 0; i < 20; ++i) {  // equal signals become one until the first has been taken
    process->send(SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(process->wait(), 130);
  EXPECT_THAT(said("run"), testing::Not(HasSubstr("interrupted and saved")));
}

// As `timeout` and `mpirun` send it: to the process, and to its group.
TEST_F(Signals, AnInterruptThatComesTwiceSaves) {
  const auto process = start("run", {"max_steps=1000000"});
  wait_for_step("run", 2);
  process->send(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(1));  // equal signals may become one
  process->send(SIGINT);
  EXPECT_EQ(process->wait(), 130);
  EXPECT_THAT(said("run"), HasSubstr("interrupted and saved at step"));
}

TEST_F(Signals, AShardThatIsCutShortInMidRunEndsWithAMessage) {
  const auto process = start("run", {"max_steps=1000000"});
  wait_for_step("run", 6);
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "tokens"))
    if (entry.path().extension() == ".weft") std::filesystem::resize_file(entry.path(), 0);
  EXPECT_EQ(process->wait(), 2);
  EXPECT_THAT(said("run"), HasSubstr("weft: a file was cut short"));
  const auto latest = io::latest_checkpoint(real_file_system(), folder_of("run"));
  ASSERT_TRUE(latest.checkpoint);
  EXPECT_GE(latest.checkpoint->manifest.step, 5);
  EXPECT_TRUE(latest.skipped.empty());
}

TEST_F(Signals, ASecondRunInTheFolderIsRefused) {
  const auto process = start("run", {"max_steps=1000000"});
  wait_for_step("run", 1);
  const PretrainConfig same = config("run");
  const Path file = folder_.write("second.yaml", config::print(same));
  Process second({"pretrain", file.string()}, folder_ / "second.out");
  EXPECT_EQ(second.wait(), 2);
  EXPECT_THAT(read_text_file(folder_ / "second.out", 1 << 20), HasSubstr("it is held by process"));
  EXPECT_TRUE(process->running());
}

TEST_F(Signals, AClosedTerminalsSignalSavesAndEndsWith129) {
  ASSERT_EQ(start("whole", {"max_steps=30"})->wait(), 0);
  const auto process = start("run", {"max_steps=30"});
  wait_for_step("run", 7);
  process->send(SIGHUP);
  process->send(SIGHUP);  // the kernel and the shell both send it
  EXPECT_EQ(process->wait(), static_cast<int>(ExitCode::kHungUp)) << said("run");
  EXPECT_THAT(said("run"), HasSubstr("interrupted and saved at step"));
  EXPECT_EQ(start("run", {"max_steps=30"})->wait(), 0) << said("run");
  EXPECT_EQ(trace("run", 30), trace("whole", 30));
}

TEST_F(Signals, UnderNohupAClosedTerminalChangesNothing) {
  ::signal(SIGHUP, SIG_IGN);  // what nohup does; children inherit it
  const auto process = start("run", {"max_steps=1000000"});
  ::signal(SIGHUP, SIG_DFL);
  wait_for_step("run", 2);
  process->send(SIGHUP);
  const int64_t seen = last_step("run");
  wait_for_step("run", seen + 10);
  EXPECT_TRUE(process->running());
  process->send(SIGINT);
  EXPECT_EQ(process->wait(), 130) << said("run");
}

TEST_F(Signals, AStoppedAndContinuedRunIsTheSame) {
  ASSERT_EQ(start("whole", {"max_steps=30"})->wait(), 0);
  const auto process = start("run", {"max_steps=30"});
  for (const int64_t step : {3, 11, 19}) {
    wait_for_step("run", step);
    process->send(SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    const int64_t seen = last_step("run");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(last_step("run"), seen) << "it stands still";
    process->send(SIGCONT);
  }
  EXPECT_EQ(process->wait(), 0) << said("run");
  EXPECT_EQ(trace("run", 30), trace("whole", 30));
}

}  // namespace
}  // namespace weft::train
