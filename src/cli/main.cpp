// The program: reads the command line, runs a verb, and turns errors into messages and exit codes.
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>

#include "cli/verb.h"

namespace weft::cli {
namespace {

constexpr const char* kDescription =
    "Weft trains transformers: raw text in, a pretrained model that other tools open, out.";
constexpr const char* kFooter =
    "A first run:\n"
    "  weft tokenizer train corpus/ --vocab-size 4096 -o run/tokenizer.json\n"
    "  weft prepare corpus/ -o run/tokens --tokenizer run/tokenizer.json --val-split hash:0.05\n"
    "  weft pretrain configs/pretrain/demo.yaml output_dir=run\n"
    "  weft export run -o run/export\n"
    "  weft generate --model run/export --prompt \"Once upon a time\"\n"
    "Exit codes: 0 done, 1 internal error, 2 bad input, 3 does not fit, 5 diverged,\n"
    "75 preempted and saved, 130 interrupted.";

int fail(const char* message, ExitCode code) {
  std::cerr << "weft: " << message << "\n";
  return static_cast<int>(code);
}

int run(int argc, char** argv) {
  CLI::App app(kDescription, "weft");
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  app.footer(kFooter);
  app.require_subcommand(1);
  for (const auto add : {add_prepare, add_tokenizer, add_pretrain, add_plan, add_graph, add_profile,
                         add_bench, add_generate, add_evaluate, add_export, add_import})
    add(app);
  try {
    app.parse(argc, argv);
    std::cout.flush();
    if (!std::cout) throw Error("standard output could not be written; is the disk full?");
    return static_cast<int>(ExitCode::kDone);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::RuntimeError& end) {  // a verb's own exit code
    return end.get_exit_code();
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return static_cast<int>(ExitCode::kBadInput);
  } catch (const Error& error) {
    return fail(error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return fail("out of memory; see `weft plan` for what a run needs", ExitCode::kDoesNotFit);
  } catch (const std::exception& error) {
    return fail((std::string("internal error: ") + error.what()).c_str(), ExitCode::kInternal);
  }
}

}  // namespace
}  // namespace weft::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `weft generate | head` ends quietly
  return weft::cli::run(argc, argv);
}
