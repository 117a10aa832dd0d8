// `weft check`: what would go wrong with a run, before it is started.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/config_options.h"
#include "cli/token_text.h"
#include "cli/verb.h"
#include "core/quote.h"
#include "core/tree/scalars.h"
#include "data/batch.h"
#include "text/tokenizer.h"
#include "train/preflight.h"

namespace weft::cli {
namespace {

struct Options {
  ConfigOptions config;
  std::string memory;
  int64_t rows = 2;
  bool json = false;
};

// A row's tokens in stretches that are masked alike, as they will be learned: what follows a token
// whose label does not count is not learned there.
void print_row(const train::SampleRow& row, const text::Tokenizer& tokenizer) {
  size_t begin = 0;
  const auto is_new = [&](size_t t) {
    return row.positions[t] == 0 ||
           (row.labels[t] == data::kIgnoredLabel) != (row.labels[t - 1] == data::kIgnoredLabel);
  };
  for (size_t t = 1; t <= row.input_ids.size(); ++t) {
    if (t < row.input_ids.size() && !is_new(t)) continue;
    const auto ids = std::span(row.input_ids).subspan(begin, t - begin);
    const bool masked = row.labels[begin] == data::kIgnoredLabel;
    std::cout << (row.positions[begin] == 0 ? "  document " : "           ")
              << (masked ? "[masked]  " : "[learned] ") << shown_tokens(tokenizer, ids, false)
              << "\n";
    begin = t;
  }
}

void print_rows(const train::PretrainConfig& config, const train::Preflight& preflight) {
  if (preflight.rows.empty()) return;
  const auto tokenizer =
      text::load_tokenizer(config.tokenizer.value_or(config.datasets.front().path));
  for (size_t i = 0; i < preflight.rows.size(); ++i) {
    std::cout << "sample " << i << " of the first batches:\n";
    print_row(preflight.rows[i], *tokenizer);
  }
}

void print_findings(const train::Preflight& preflight) {
  for (const train::Finding& finding : preflight.findings) {
    const std::string verdict(name_of(finding.verdict));
    std::cout << verdict << std::string(10 - verdict.size(), ' ') << finding.subject << ": "
              << printable_lines(finding.text) << "\n";
  }
}

nlohmann::ordered_json to_json(const train::Preflight& preflight) {
  nlohmann::ordered_json out = {{"version", 1}, {"fails", preflight.would_fail()}};
  out["findings"] = nlohmann::ordered_json::array();
  for (const train::Finding& finding : preflight.findings)
    out["findings"].push_back({{"verdict", name_of(finding.verdict)},
                               {"subject", finding.subject},
                               {"text", finding.text}});
  out["rows"] = nlohmann::ordered_json::array();
  for (const train::SampleRow& row : preflight.rows)
    out["rows"].push_back(
        {{"input_ids", row.input_ids}, {"labels", row.labels}, {"positions", row.positions}});
  return out;
}

void run_check(const Options& options) {
  const train::PretrainConfig config = load_config(options.config);
  const train::Preflight preflight = train::run_preflight(
      config, {.threads = threads_of(config),
               .memory_bytes = options.memory.empty() ? 0 : parse_bytes(options.memory, "--memory"),
               .rows = options.rows});
  if (options.json) {
    std::cout << to_json(preflight).dump(2, ' ', true,
                                         nlohmann::ordered_json::error_handler_t::replace)
              << "\n";
  } else {
    print_rows(config, preflight);
    print_findings(preflight);
  }
  for (const train::Finding& finding : preflight.findings)
    if (finding.verdict == train::Verdict::kFails)
      throw Error("the run would end with an error; the first: " + std::string(finding.subject) +
                  ": " + finding.text);
}

}  // namespace

void add_check(Verb& app) {
  auto options = std::make_shared<Options>();
  Verb verb = app.add_verb("check", "Say what would go wrong with a run");
  verb.footer(
      "Example:\n  weft check configs/pretrain/demo.yaml\n"
      "In seconds, nothing trained and nothing written: the config, paths, data and tokenizer, "
      "the\n"
      "first batches with what is learned of them, what evaluations read, batch and schedule,\n"
      "memory and disk.\n"
      "Exit code 2 when the run would end with an error; what is doubtful is said only.");
  add_config_options(verb, options->config);
  verb.add_option("--memory", options->memory,
                  "what the run may take, for example 16GiB; else what this machine has free")
      .not_empty();
  verb.add_option("--rows", options->rows, "samples of the first batches to show")
      .between(0, 64)
      .shows_default();
  verb.add_flag("--json", options->json, "as JSON (keys: docs/formats.md)");
  verb.callback([options] { run_check(*options); });
}

}  // namespace weft::cli
