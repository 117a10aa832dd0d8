// Errors that a user can mend, and the process exit codes that go with them.
#pragma once

#include <stdexcept>
#include <string>

namespace weft {

// Exit codes of the `weft` program (docs/reliability.md). Scripts and schedulers rely on them.
enum class ExitCode : int {
  kDone = 0,
  kInternal = 1,       // a defect of ours
  kBadInput = 2,       // config, command line, file contents
  kDoesNotFit = 3,     // memory or disk
  kHang = 4,           // a rank or its device was lost, or hangs
  kDiverged = 5,       // NaN or a loss that ran away
  kPreempted = 75,     // saved and asks to be queued again
  kHungUp = 129,       // saved, for its terminal was closed (128 + SIGHUP)
  kInterrupted = 130,  // asked to stop by Ctrl-C (128 + SIGINT)
};

// What went wrong with something the user gave. The message says what was given, what is allowed,
// where (file:line:column for configs) and what to do. The library throws; only src/cli prints.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ExitCode code = ExitCode::kBadInput)
      : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// Reports a broken invariant (a defect of ours, never of the input) and aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace weft

// An invariant of the program, checked in every build type: a training run is too long to go on
// wrong.
#define WEFT_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::weft::assertion_failed(#condition, __FILE__, __LINE__))
