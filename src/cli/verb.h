// A verb of the program: its options, and what it does. src/cli is the only room that prints or
// exits.
#pragma once

#include <atomic>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cli/verb_options.h"
#include "data/utf8_policy.h"
#include "weft/error.h"

namespace weft::cli {

// Each adds a verb to the program; what it does runs when the command line has been read and names
// it.
void add_prepare(Verb& app);
void add_tokenizer(Verb& app);
void add_tokenizer_bench(Verb& tokenizer);  // its verbs
void add_tokenizer_chat(Verb& tokenizer);
void add_tokenizer_coders(Verb& tokenizer);
void add_tokenizer_train(Verb& tokenizer);
void add_pretrain(Verb& app);
void add_check(Verb& app);
void add_plan(Verb& app);
void add_graph(Verb& app);
void add_profile(Verb& app);
void add_bench(Verb& app);
void add_generate(Verb& app);
void add_evaluate(Verb& app);
void add_report(Verb& app);
void add_export(Verb& app);
void add_import(Verb& app);
void add_inspect(Verb& app);
void add_checkpoint(Verb& app);
void add_runs(Verb& app);
void add_devices(Verb& app);

// How many times someone has asked to stop. SIGINT is the user: the first asks for an orderly end,
// which a terminal is told of; the second, a tenth of a second later or more, ends the process at
// once, with exit code 130. SIGTERM, SIGUSR1, SIGUSR2 and SIGXCPU are a scheduler that takes the
// machine away: however often they come, the end is orderly. SIGHUP is a terminal that was closed;
// the same, except where it is ignored, as nohup makes it. The first call must come before any
// other thread is started: from then on these signals do nothing but count.
const std::atomic<int>& interrupts();
// The exit code of what ended because it was asked to, so that a script learns who asked:
// ExitCode::kPreempted after those of a scheduler, else 130 (128 + SIGINT) after SIGINT, else 129
// (128 + SIGHUP). An Error with ExitCode::kInterrupted ends the program with it, too.
int interrupted_exit_code();
// For a verb that has printed as much as it has: ends with that exit code if someone asked to stop.
void end_if_interrupted();

bool is_terminal(int file_descriptor);
int terminal_width();     // columns; 80 if it is not known
bool terminal_unicode();  // does the locale say UTF-8?

// Text of a file, a template or a model on its way to standard output. A terminal would obey what
// it says: there control characters and the like become \xNN, line ends and tabs excepted. Into a
// file or a pipe it goes as it is.
std::string for_output(std::string_view text);

int thread_count(int asked);  // 0: as many as the process may use

// --kernels=reference|auto: which kernels the process computes with. `word` stays empty where the
// option is not given.
void add_kernels_option(Verb& verb, std::string& word);
// Chooses what the option says, if anything.
void choose_kernels_by(const std::string& word);

// JSON for standard output: on a terminal ASCII alone. indent -1: on one line.
std::string json_text(const nlohmann::ordered_json& values, int indent);

// Results: one JSON object, or a line "name value" for each.
void print_values(const nlohmann::ordered_json& values, bool json);

// What load_tokenizer() opens, for the help of options.
inline constexpr const char* kTokenizerFiles =
    "a tokenizer.json, tokenizer.model, vocab.txt, vocab.json (merges.txt beside it), a folder "
    "with one, or bytes";

// --text-field and --invalid-utf8 of verbs that read text.
void add_text_options(Verb& verb, std::string& text_field, std::string& invalid_utf8);
data::InvalidUtf8 parse_invalid_utf8(const std::string& word);

}  // namespace weft::cli
