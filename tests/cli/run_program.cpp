#include "run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "core/process.h"

namespace weft::test {

std::string program_path() {
  if (const char* path = std::getenv("WEFT_BINARY")) return path;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "weft";
}

namespace {

void set_up_child(const RunOptions& options) {
  std::signal(SIGPIPE, SIG_DFL);
  if (!options.folder.empty()) std::filesystem::current_path(options.folder);
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  if (options.largest_file > 0) {
    const auto limit = static_cast<rlim_t>(options.largest_file);
    const rlimit both{limit, limit};
    setrlimit(RLIMIT_FSIZE, &both);
  }
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

void make_pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
}

void make_terminal(int ends[2]) {
  ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (ends[0] < 0 || grantpt(ends[0]) != 0 || unlockpt(ends[0]) != 0)
    throw std::runtime_error("no terminal");
  ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
  termios settings{};
  if (tcgetattr(ends[1], &settings) != 0) throw std::runtime_error("no terminal");
  cfmakeraw(&settings);
  tcsetattr(ends[1], TCSANOW, &settings);
}

}  // namespace

std::string Outcome::all() const {
  return "exit code " + std::to_string(code) + ", signal " + std::to_string(signal) +
         "\nstandard output: " + out + "\nstandard error: " + err;
}

RunningProgram::RunningProgram(const Arguments& arguments, RunOptions options)
    : options_(std::move(options)), started_(monotonic_seconds()) {
  int output[2], error[2], input[2];
  if (options_.on_terminal) make_terminal(output);
  else make_pipe(output);
  make_pipe(error);
  make_pipe(input);
  pid_ = fork();
  if (pid_ == 0) start(arguments, output, error, input);
  close(output[1]);
  close(error[1]);
  close(input[0]);
  output_ = output[0];
  error_ = error[0];
  std::signal(SIGPIPE, SIG_IGN);
  const ssize_t written = write(input[1], options_.input.data(), options_.input.size());
  static_cast<void>(written);  // a program that does not read its input is no failure
  if (options_.input_stays_open) input_ = input[1];
  else close(input[1]);
}

void RunningProgram::start(const Arguments& arguments, const int output[2], const int error[2],
                           const int input[2]) const {
  const std::string program = program_path();
  std::vector<char*> argv = {const_cast<char*>("weft")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const bool to_file = !options_.output_file.empty();
  const int out = to_file ? open(options_.output_file.c_str(), O_WRONLY | O_CLOEXEC) : output[1];
  dup2(input[0], STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(error[1], STDERR_FILENO);
  set_up_child(options_);
  execv(program.c_str(), argv.data());
  _exit(127);
}

RunningProgram::~RunningProgram() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (const int descriptor : {output_, error_, input_})
    if (descriptor >= 0) close(descriptor);
}

void RunningProgram::send(int signal) const {
  kill(pid_, signal);
}

void RunningProgram::wait_until_it_minds(int signal) const {
  const std::string status = "/proc/" + std::to_string(pid_) + "/status";
  for (;;) {
    std::ifstream lines(status);
    std::string line;
    bool begun = false, ended = true;
    while (std::getline(lines, line) && !line.starts_with("SigBlk:")) {
      if (line.starts_with("Name:")) begun = line == "Name:\tweft";
      if (line.starts_with("State:")) ended = line.find('Z') != std::string::npos;
    }
    if (ended) return;  // wait() tells how
    const uint64_t blocked =
        std::stoull(line.substr(line.find_first_not_of(" \t", 7)), nullptr, 16);
    // Before it is the program, glibc 2.41 blocks all signals for as long as it forks.
    if (begun && blocked >> (signal - 1) & 1) return;
    usleep(1000);
  }
}

void RunningProgram::close_output() {
  close(output_);
  output_ = -1;
}

void RunningProgram::read_from(int& descriptor, std::string& text, bool is_output) {
  char buffer[65536];
  const ssize_t got = read(descriptor, buffer, sizeof buffer);
  if (got <= 0) {
    close(descriptor);
    descriptor = -1;
    return;
  }
  text.append(buffer, static_cast<size_t>(got));
  if (is_output) outcome_.reads.push_back(text.size());
}

// False when both streams have ended.
bool RunningProgram::read_some(int milliseconds) {
  if (output_ < 0 && error_ < 0) return false;
  pollfd streams[2] = {{output_, POLLIN, 0}, {error_, POLLIN, 0}};
  poll(streams, 2, milliseconds);
  if (output_ >= 0 && streams[0].revents != 0) read_from(output_, outcome_.out, true);
  if (error_ >= 0 && streams[1].revents != 0) read_from(error_, outcome_.err, false);
  if (monotonic_seconds() - started_ > options_.seconds && !outcome_.timed_out) {
    outcome_.timed_out = true;
    kill(pid_, SIGKILL);
  }
  return true;
}

bool RunningProgram::wait_for(const std::string& text) {
  const auto found = [&] { return (outcome_.out + outcome_.err).find(text) != std::string::npos; };
  while (!found())
    if (!read_some(100)) return found();
  return true;
}

Outcome RunningProgram::wait() {
  while (read_some(100)) continue;
  int status = 0;
  rusage usage{};
  wait4(pid_, &status, 0, &usage);
  pid_ = -1;
  outcome_.processor_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  outcome_.seconds = monotonic_seconds() - started_;
  if (WIFEXITED(status)) outcome_.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome_.signal = WTERMSIG(status);
  return outcome_;
}

Outcome run_program(const Arguments& arguments, RunOptions options) {
  return RunningProgram(arguments, std::move(options)).wait();
}

bool mount_memory(const std::filesystem::path& folder, int64_t bytes, bool read_only) {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
  if (user != 0) {
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
    std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const std::string size = "size=" + std::to_string(bytes);
  return mount("none", folder.c_str(), "tmpfs", read_only ? MS_RDONLY : 0, size.c_str()) == 0;
}

}  // namespace weft::test
