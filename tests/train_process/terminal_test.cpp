// What becomes of a `weft pretrain` whose reader does not read, goes away, or closes the terminal.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>

#include "training_process.h"

namespace weft::train {
namespace {

class Terminal : public ProcessTest {
 protected:
  void TearDown() override {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      wait_for_child();
    }
    for (const int end : {reader_, writer_})
      if (end >= 0) ::close(end);
  }

  std::vector<std::string> arguments(const std::string& run, const std::string& steps) {
    const PretrainConfig made = config(run, {"max_steps=" + steps, "save_steps=100"});
    return {std::getenv("WEFT_BINARY"), "pretrain",
            folder_.write(run + ".yaml", config::print(made)).string()};
  }

  // Runs with standard output and error at `writer_`; leads a session of its own with the terminal
  // `writer_`, if it is one.
  void start_at_writer(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    child_ = ::fork();
    if (child_ != 0) return;
    ::setsid();
    ::ioctl(writer_, TIOCSCTTY, 0);
    ::dup2(writer_, 1);
    ::dup2(writer_, 2);
    ::close(writer_);
    ::close(reader_);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }

  void open_small_pipe() {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader_ = ends[0];
    writer_ = ends[1];
    ::fcntl(writer_, F_SETPIPE_SZ, 4096);
  }

  void open_terminal() {
    reader_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_TRUE(reader_ >= 0 && ::grantpt(reader_) == 0 && ::unlockpt(reader_) == 0);
    writer_ = ::open(::ptsname(reader_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_GE(writer_, 0);
  }

  void close_writer() {
    ::close(writer_);
    writer_ = -1;
  }
  void close_reader() {
    ::close(reader_);
    reader_ = -1;
  }

  int wait_for_child() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  // Until log.jsonl has `step`.
  void wait_for_log(const std::string& run, int64_t step) const {
    const std::string line = "{\"step\": " + std::to_string(step) + ",";
    for (int i = 0; i < 20000; ++i) {
      const Path log = folder_of(run) / kRunLogFile;
      if (std::filesystem::exists(log) &&
          read_text_file(log, 1 << 26).find(line) != std::string::npos)
        return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL() << "no step " << step;
  }

  // What comes until `text` has come whole, or all until the end.
  std::string read_until(const std::string& text) const {
    std::string all;
    std::array<char, 4096> piece{};
    while (text.empty() || all.find(text) == std::string::npos) {
      const ssize_t got = ::read(reader_, piece.data(), piece.size());
      if (got <= 0) break;
      all.append(piece.data(), static_cast<size_t>(got));
    }
    return all;
  }

  int64_t lines_in_log(const std::string& run) const {
    return static_cast<int64_t>(log_without_clocks(folder_of(run)).size());
  }

  pid_t child_ = -1;
  int reader_ = -1, writer_ = -1;
};

TEST_F(Terminal, AFullPipeStopsNoTraining) {
  open_small_pipe();
  start_at_writer(arguments("run", "300"));
  wait_for_log("run", 300);
  EXPECT_EQ(wait_for_child(), 0) << "and its end waits for nobody for long";
  EXPECT_EQ(lines_in_log("run"), 301) << "300 steps and an evaluation";
  EXPECT_TRUE(has_checkpoint("run", 300));
}

TEST_F(Terminal, WhatAFullPipeLostIsCounted) {
  open_small_pipe();
  start_at_writer(arguments("run", "1000000"));
  wait_for_log("run", 200);
  close_writer();
  const std::string told = "lines were not printed, for nobody read them; log.jsonl has all\n";
  const std::string text = read_until(told);
  EXPECT_THAT(text, HasSubstr(told));
  const size_t notice = text.rfind("\nweft: ");
  EXPECT_NE(notice, std::string::npos) << "on a line of its own";
  ::kill(child_, SIGTERM);
  EXPECT_THAT(read_until(""), HasSubstr("interrupted and saved"));
  EXPECT_EQ(wait_for_child(), static_cast<int>(ExitCode::kPreempted));
}

TEST_F(Terminal, AReaderThatGoesAwayStopsNoTraining) {
  open_small_pipe();
  start_at_writer(arguments("run", "120"));
  close_writer();
  wait_for_log("run", 2);
  close_reader();
  EXPECT_EQ(wait_for_child(), 0);
  EXPECT_EQ(lines_in_log("run"), 121);
}

TEST_F(Terminal, ClosingItSavesAndTheSameCommandGoesOn) {
  open_terminal();
  start_at_writer(arguments("run", "1000000"));
  close_writer();
  wait_for_log("run", 5);
  close_reader();
  EXPECT_EQ(wait_for_child(), static_cast<int>(ExitCode::kHungUp));
  const std::vector<int64_t> saved = io::checkpoint_steps(real_file_system(), folder_of("run"));
  ASSERT_FALSE(saved.empty());
  EXPECT_EQ(run_until(config("run", {"max_steps=1000000", "save_steps=100"}), saved[0] + 1).updates,
            saved[0] + 1);
}

TEST_F(Terminal, ItSaysHowAnInterruptedRunEndsAtOnce) {
  open_terminal();
  start_at_writer(arguments("run", "1000000"));
  wait_for_log("run", 2);
  ::kill(child_, SIGINT);
  EXPECT_THAT(read_until("at once"),
              HasSubstr("\nweft: ending in order; Ctrl-C again ends at once"));
  EXPECT_THAT(read_until("goes on"), HasSubstr("interrupted and saved at step"));
  EXPECT_EQ(wait_for_child(), 130);
}

TEST_F(Terminal, OneThatIsStoppedStopsNoTraining) {
  open_terminal();
  start_at_writer(arguments("run", "600"));
  wait_for_log("run", 3);
  ASSERT_EQ(::ioctl(writer_, TCXONC, 0), 0);  // as Ctrl-S does
  wait_for_log("run", 600);
  EXPECT_EQ(wait_for_child(), 0);
}

}  // namespace
}  // namespace weft::train
