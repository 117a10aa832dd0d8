// A verb of the program: its options, and what it does. src/cli is the only room that prints or
// exits.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "data/utf8_policy.h"
#include "weft/dtype.h"
#include "weft/error.h"

namespace weft::cli {

// Each adds a verb to the program; what it does runs when the command line has been read and names
// it.
void add_prepare(CLI::App& app);
void add_tokenizer(CLI::App& app);
void add_tokenizer_bench(CLI::App& tokenizer);  // its verbs
void add_tokenizer_chat(CLI::App& tokenizer);
void add_tokenizer_coders(CLI::App& tokenizer);
void add_tokenizer_train(CLI::App& tokenizer);
void add_pretrain(CLI::App& app);
void add_check(CLI::App& app);
void add_plan(CLI::App& app);
void add_graph(CLI::App& app);
void add_profile(CLI::App& app);
void add_bench(CLI::App& app);
void add_generate(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_report(CLI::App& app);
void add_export(CLI::App& app);
void add_import(CLI::App& app);
void add_inspect(CLI::App& app);
void add_checkpoint(CLI::App& app);
void add_runs(CLI::App& app);
void add_devices(CLI::App& app);

// How many times someone has asked to stop. SIGINT is the user: the first asks for an orderly end,
// the second ends the process at once, with exit code 130. SIGTERM and SIGUSR1 are a scheduler that
// takes the machine away: however often they come, the end is orderly. SIGHUP is a terminal that
// was closed; the same, except where it is ignored, as nohup makes it. The first call must come
// before any other thread is started: from then on these signals do nothing but count.
const std::atomic<int>& interrupts();
// The exit code of a run that saved and ended because it was asked to: ExitCode::kPreempted after
// SIGTERM or SIGUSR1, else 130 (128 + SIGINT) after SIGINT, else 129 (128 + SIGHUP).
int interrupted_exit_code();

bool is_terminal(int file_descriptor);
int terminal_width();     // columns; 80 if it is not known
bool terminal_unicode();  // does the locale say UTF-8?

// "fp32" or "bf16". Throws Error for other words.
DType compute_type(const std::string& word);
int thread_count(int asked);  // 0: as many as the process may use

// --kernels=reference|auto: which kernels the process computes with. `word` stays empty where the
// option is not given.
void add_kernels_option(CLI::App& verb, std::string& word);
// Chooses what the option says, if anything.
void choose_kernels_by(const std::string& word);

// "16GiB", "500MB", "1024": bytes. Throws Error for anything else.
int64_t parse_bytes(const std::string& text);
std::string bytes_text(int64_t bytes);  // "1.20 GiB"

// Results: one JSON object, or a line "name value" for each.
void print_values(const nlohmann::ordered_json& values, bool json);

// What load_tokenizer() opens, for the help of options.
inline constexpr const char* kTokenizerFiles =
    "a tokenizer.json, tokenizer.model, vocab.txt, vocab.json (merges.txt beside it), a folder "
    "with one, or bytes";

// --text-field and --invalid-utf8 of verbs that read text.
void add_text_options(CLI::App& verb, std::string& text_field, std::string& invalid_utf8);
data::InvalidUtf8 parse_invalid_utf8(const std::string& word);

}  // namespace weft::cli
