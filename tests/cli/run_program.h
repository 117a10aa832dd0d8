// Runs the real `weft` as a user does, and tells what came of it. The program's path is in
// WEFT_BINARY (ctest sets it), else it is the one beside the folder of the test program.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace weft::test {

using Arguments = std::vector<std::string>;

std::string program_path();

struct RunOptions {
  std::filesystem::path folder = {};                    // where it starts; empty: here
  std::map<std::string, std::string> environment = {};  // added to this process's own
  std::string input = {};                               // standard input, at most 64 KiB
  bool input_stays_open = false;                        // nothing comes after it, nor does its end
  std::string output_file = {};  // where standard output goes instead of being caught
  bool on_terminal = false;      // standard output is one, which changes no bytes
  int64_t largest_file = 0;      // bytes (RLIMIT_FSIZE); 0: no limit
  double seconds = 60;           // then it is killed, and `timed_out` is set
};

struct Outcome {
  std::string out, err;
  std::vector<size_t> reads;  // how much of `out` had come after each read
  int code = -1;              // exit code; -1 if a signal ended it
  int signal = 0;
  bool timed_out = false;
  double seconds = 0;            // by the clock
  double processor_seconds = 0;  // user and system

  // For failures: everything in one text.
  std::string all() const;
};

// A program that runs while the test goes on. It is killed, if it still runs, at the end.
class RunningProgram {
 public:
  RunningProgram(const Arguments& arguments, RunOptions options);
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  void send(int signal) const;
  // Until the program blocks `signal`, which a thread of it then waits for; before, it would be
  // killed.
  void wait_until_it_minds(int signal) const;
  // Reads until standard output or error has `text`; false if the program ended before.
  bool wait_for(const std::string& text);
  // The reader of standard output goes away, as `head -1` does.
  void close_output();
  Outcome wait();

 private:
  void start(const Arguments& arguments, const int output[2], const int error[2],
             const int input[2]) const;
  bool read_some(int milliseconds);
  void read_from(int& descriptor, std::string& text, bool is_output);

  RunOptions options_;
  pid_t pid_ = -1;
  int output_ = -1, error_ = -1, input_ = -1;
  double started_ = 0;
  Outcome outcome_;
};

Outcome run_program(const Arguments& arguments, RunOptions options = {});

// A file system of `bytes` in memory at `folder`, seen by this process and its children only, which
// ends with the process. False, and nothing has changed, where the system does not allow it.
bool mount_memory(const std::filesystem::path& folder, int64_t bytes, bool read_only);

}  // namespace weft::test
