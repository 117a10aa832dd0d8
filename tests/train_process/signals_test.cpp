// What users, schedulers and power cuts do to a running `weft pretrain`: signals at any moment,
// exit codes, and that the same command goes on to the same end.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <thread>

#include "tests/train/training_test.h"

extern char** environ;

namespace weft::train {
namespace {

using testing::HasSubstr;

// A started `weft`; what it says goes to a file.
class Process {
 public:
  Process(std::vector<std::string> arguments, const Path& output) {
    arguments.insert(arguments.begin(), std::getenv("WEFT_BINARY"));
    std::vector<char*> words;
    for (std::string& word : arguments) words.push_back(word.data());
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    EXPECT_EQ(posix_spawn(&pid_, words[0], &actions, nullptr, words.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  void send(int signal) const { ::kill(pid_, signal); }
  bool running() const { return ::kill(pid_, 0) == 0; }
  // The exit code, or 128 + the signal that ended it, as shells say it.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
};

class Signals : public TrainingTest {
 protected:
  void SetUp() override {
    // The program is built beside the tests except where only the library is.
    if (std::getenv("WEFT_BINARY") == nullptr) GTEST_SKIP() << "WEFT_BINARY names no program";
  }

  std::unique_ptr<Process> start(const std::string& run, std::vector<std::string> overrides) {
    overrides.insert(overrides.begin(),
                     {"save_steps=5", "eval_steps=10", "eval_batches=2", "model.hidden_size=64",
                      "model.intermediate_size=128", "micro_batch_size=8"});
    const PretrainConfig made = config(run, overrides);
    const Path file = folder_.write(run + ".yaml", config::print(made));
    return std::make_unique<Process>(std::vector<std::string>{"pretrain", file.string()},
                                     output(run));
  }
  Path output(const std::string& run) const { return folder_ / (run + ".out"); }
  std::string said(const std::string& run) const { return read_text_file(output(run), 1 << 24); }

  // Until the run has logged `step`.
  void wait_for_step(const std::string& run, int64_t step) const {
    const std::string line = "\nstep " + std::to_string(step) + "/";
    for (int i = 0; i < 20000; ++i) {
      if (std::filesystem::exists(output(run)) && said(run).find(line) != std::string::npos) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL() << "no step " << step << ":\n" << said(run);
  }
};

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
  for (const int signal : {SIGTERM, SIGUSR1}) {
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
  std::this_thread::sleep_for(std::chrono::milliseconds(1));  // equal signals may become one
  process->send(SIGINT);
  EXPECT_EQ(process->wait(), 130);
  EXPECT_EQ(start("run", {"max_steps=30"})->wait(), 0) << said("run");
  EXPECT_EQ(trace("run", 30), trace("whole", 30));
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

}  // namespace
}  // namespace weft::train
