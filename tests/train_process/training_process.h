// A `weft pretrain` in a process of its own, for tests that do to it what users, schedulers and
// power cuts do.
#pragma once

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
using testing::HasSubstr;

// A started `weft`; what it says goes to a file, which may be a pipe's end or a terminal.
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

class ProcessTest : public TrainingTest {
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
    std::filesystem::remove(output(run));
    return std::make_unique<Process>(std::vector<std::string>{"pretrain", file.string()},
                                     output(run));
  }
  Path output(const std::string& run) const { return folder_ / (run + ".out"); }
  std::string said(const std::string& run) const { return read_text_file(output(run), 1 << 24); }

  // The last step that the run has printed whole.
  int64_t last_step(const std::string& run) const {
    std::string text = said(run);
    text.resize(text.rfind('\n') + 1);
    const size_t at = text.rfind("\nstep ");
    return at == std::string::npos ? 0 : std::atoll(text.c_str() + at + 6);
  }

  // Until the run that was started last has logged `step` or, where it went on behind it, a later
  // one.
  void wait_for_step(const std::string& run, int64_t step) const {
    for (int i = 0; i < 20000; ++i) {
      if (std::filesystem::exists(output(run)) && last_step(run) >= step) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL() << "no step " << step << ":\n" << said(run);
  }
};

}  // namespace weft::train
