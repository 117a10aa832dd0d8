// The program: reads the command line, runs a verb, and turns errors into messages and exit codes.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "cli/command_line.h"
#include "cli/patient_output.h"
#include "cli/verb.h"
#include "core/process.h"
#include "core/quote.h"

namespace weft::cli {
namespace {

constexpr const char* kDescription =
    "Weft trains transformers: raw text in, a pretrained model that other tools open, out.";
constexpr const char* kFooter =
    "A first run:\n"
    "  weft tokenizer train corpus/ --vocab-size 512 -o runs/demo/tokenizer.json\n"
    "  weft prepare corpus/ -o runs/demo/tokens --tokenizer runs/demo/tokenizer.json\n"
    "  weft pretrain configs/pretrain/demo.yaml\n"
    "  weft export runs/demo -o runs/demo/export\n"
    "  weft generate --model runs/demo/export --prompt \"Once upon a time\"\n"
    "Exit codes: 0 done, 1 internal error, 2 bad input, 3 does not fit, 4 device lost,\n"
    "5 diverged, 75 preempted and saved, 129 hung up, 130 interrupted.";

int fail(const std::string& message, ExitCode code) {
  print_last_words("weft: " + printable_lines(message) + "\n");
  return static_cast<int>(code);
}

// A program that is started without one of these would be given its number for the first file that
// it opens, and write its messages into a log or a lock. Nothing can be read from or written to
// what stands there now.
void fill_standard_descriptors() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(number, F_GETFD) >= 0) continue;
    const int wrong_way = number == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (open("/dev/null", wrong_way) != number) _exit(static_cast<int>(ExitCode::kInternal));
  }
}

// What ended because it was asked to says by whom.
ExitCode exit_code_of(const Error& error) {
  return error.code() == ExitCode::kInterrupted ? static_cast<ExitCode>(interrupted_exit_code())
                                                : error.code();
}

// Nobody reads standard output any more, as after `weft generate | head -1`.
bool reader_is_gone() {
  pollfd output{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return poll(&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

// What was printed has arrived, or nobody wants it.
int finish_output() {
  std::cout.flush();
  const bool arrived = std::cout && std::ferror(stdout) == 0;  // the latter of std::printf
  if (arrived || reader_is_gone()) return static_cast<int>(ExitCode::kDone);
  throw Error("standard output could not be written; is the disk full?");
}

void add_verbs(Verb program) {
  for (const auto add : {add_prepare, add_tokenizer, add_check, add_pretrain, add_plan, add_graph,
                         add_profile, add_bench, add_report, add_runs, add_checkpoint, add_generate,
                         add_evaluate, add_export, add_import, add_inspect, add_devices})
    add(program);
}

// Errors of CLI11 become messages of ours; help and a verb's own exit code pass.
int run_verb(CLI::App& app, int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  check_verbs(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    app.exit(help);
  } catch (const EndWith& end) {
    std::cout.flush();
    return end.code;
  } catch (const CLI::ParseError& error) {
    throw Error(command_line_message(app, arguments, error));
  }
  return finish_output();
}

int run(int argc, char** argv) {
  fill_standard_descriptors();
  try {
    CLI::App app(kDescription, "weft");
    app.set_version_flag("--version", "weft " WEFT_VERSION, "print the version and end");
    app.footer(kFooter);
    app.require_subcommand(1);
    add_verbs(Verb(&app));
    return run_verb(app, argc, argv);
  } catch (const Error& error) {
    return fail(error.what(), exit_code_of(error));
  } catch (const std::bad_alloc&) {
    return fail("out of memory; see `weft plan` for what a run needs", ExitCode::kDoesNotFit);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again)
      return fail(
          "the system refuses to start a thread; ask for fewer (threads), or raise its "
          "limits of threads and memory (ulimit -u, ulimit -v, pids.max of the container)",
          ExitCode::kDoesNotFit);
    return fail(std::string("internal error: ") + error.what(), ExitCode::kInternal);
  } catch (const std::exception& error) {
    return fail(std::string("internal error: ") + error.what(), ExitCode::kInternal);
  }
}

// Weights and shards are read where they are mapped, and of one that is cut short meanwhile, or
// whose disk fails, the kernel tells by a signal that nobody can go on from.
void end_by_bus_error(int) {
  constexpr std::string_view kMessage =
      "\nweft: a file was cut short, or its disk failed, while it was read (bus error); what was "
      "written is whole: put the file back, and the same command goes on from the last "
      "checkpoint\n";
  [[maybe_unused]] const ssize_t told = write(STDERR_FILENO, kMessage.data(), kMessage.size());
  _exit(static_cast<int>(ExitCode::kBadInput));
}

}  // namespace
}  // namespace weft::cli

int main(int argc, char** argv) {
  weft::keep_freed_memory();
  // A reader that goes away must not end a training run, and a limit on file sizes is an error to
  // report: both are told by the write that fails, not by a signal.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGBUS, weft::cli::end_by_bus_error);
  return weft::cli::run(argc, argv);
}
