#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include "cli/patient_output.h"
#include "cli/verb.h"
#include "core/quote.h"
#include "core/thread_pool.h"

namespace weft::cli {
namespace {

std::atomic<int> interrupt_count{0};
std::atomic<bool> preempted{false}, interrupted_by_user{false};

// One request may come twice: `timeout` and `mpirun` send it to the process and to its group.
constexpr auto kOneRequest = std::chrono::milliseconds(100);

// Twice is at once: nothing is half-written, since every file appears under its name by a rename.
void wait_for_signals(sigset_t asked) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> interrupted_at;
  for (;;) {
    int signal = 0;
    if (sigwait(&asked, &signal) != 0) return;
    if (signal == SIGINT && interrupted_at) {
      if (Clock::now() - *interrupted_at > kOneRequest) _exit(128 + signal);
      continue;
    }
    if (signal == SIGINT) {
      if (is_terminal(STDERR_FILENO))
        print_last_words("\nweft: ending in order; Ctrl-C again ends at once\n");
      interrupted_at = Clock::now();
      interrupted_by_user = true;
    } else if (signal != SIGHUP) {
      preempted = true;
    }
    interrupt_count.fetch_add(1);
  }
}

// As nohup leaves it.
bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// No handler: matrix products of oneDNN move the stack pointer of their thread into a small buffer
// on the heap, and a handler's frame would be written over what lies beside it. So the signals are
// blocked in every thread but one that waits for them.
void start_to_wait() {
  sigset_t asked;
  sigemptyset(&asked);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU}) sigaddset(&asked, signal);
  if (!is_ignored(SIGHUP)) sigaddset(&asked, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &asked, nullptr);
  std::thread(wait_for_signals, asked).detach();
}

}  // namespace

const std::atomic<int>& interrupts() {
  static const bool kInstalled = (start_to_wait(), true);
  static_cast<void>(kInstalled);
  return interrupt_count;
}

int interrupted_exit_code() {
  if (preempted.load()) return static_cast<int>(ExitCode::kPreempted);
  return static_cast<int>(interrupted_by_user.load() ? ExitCode::kInterrupted : ExitCode::kHungUp);
}

void end_if_interrupted() {
  if (interrupts().load() > 0) throw EndWith{interrupted_exit_code()};
}

bool is_terminal(int file_descriptor) {
  return isatty(file_descriptor) == 1;
}

int terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool terminal_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale(value);
    return locale.find("UTF-8") != std::string_view::npos ||
           locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

std::string for_output(std::string_view text) {
  if (!is_terminal(STDOUT_FILENO)) return std::string(text);
  std::string shown;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find_first_of("\n\t", begin), text.size());
    shown += printable(text.substr(begin, end - begin), text.size());
    if (end < text.size()) shown += text[end];
    begin = end + 1;
  }
  return shown;
}

int thread_count(int asked) {
  return asked > 0 ? asked : usable_threads();
}

}  // namespace weft::cli
