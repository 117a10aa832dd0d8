// `weft tokenizer bench`: how fast a tokenizer encodes a text that is in memory.
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/verb.h"
#include "core/file_system.h"
#include "core/process.h"
#include "core/thread_pool.h"
#include "text/tokenizer.h"

namespace weft::cli {
namespace {

constexpr int64_t kMaxInputBytes = int64_t{1} << 32;
// Lines that a thread encodes at a time.
constexpr size_t kChunkBytes = 256 << 10;

struct Options {
  std::string tokenizer, file;
  int threads = 0;
  int runs = 3;
  bool json = false;
};

using Pieces = std::vector<std::string_view>;

// Without their LF.
Pieces lines_of(std::string_view text) {
  Pieces lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// Whole lines, so that both ways encode the same texts.
Pieces chunks_of(std::string_view text) {
  Pieces chunks;
  for (size_t begin = 0; begin < text.size();) {
    const size_t line = text.find('\n', std::min(begin + kChunkBytes, text.size()));
    const size_t end = line == std::string_view::npos ? text.size() : line + 1;
    chunks.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return chunks;
}

// The best of some runs, in millions of bytes a second.
template <class Run>
double rate(const Options& options, size_t bytes, const Run& run) {
  double best = 0;
  for (int i = 0; i < options.runs; ++i) {
    const double start = monotonic_seconds();
    run();
    best = std::max(best, static_cast<double>(bytes) / (monotonic_seconds() - start) / 1e6);
    if (interrupts().load() > 0) throw Error("interrupted before the end", ExitCode::kInterrupted);
  }
  return best;
}

class Encoder {
 public:
  explicit Encoder(const text::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // How many ids the pieces have.
  int64_t count(const Pieces& pieces) {
    int64_t ids = 0;
    for (const std::string_view piece : pieces) {
      ids_.clear();
      tokenizer_.append_ids(piece, {.add_special_tokens = false}, ids_);
      ids += static_cast<int64_t>(ids_.size());
    }
    return ids;
  }

 private:
  const text::Tokenizer& tokenizer_;
  std::vector<int32_t> ids_;
};

nlohmann::ordered_json measured(const Options& options) {
  const auto tokenizer = text::load_tokenizer(options.tokenizer);
  const std::string text = read_text_file(options.file, kMaxInputBytes);
  if (text.empty()) throw Error("'" + options.file + "' is empty; name a text of some megabytes");
  const Pieces lines = lines_of(text), chunks = chunks_of(text);
  const ThreadPool pool(thread_count(options.threads));
  Encoder encoder(*tokenizer);
  nlohmann::ordered_json out;
  out["bytes"] = text.size();
  out["ids"] = encoder.count({text});
  out["ids_of_lines"] = encoder.count(lines);
  out["mb_per_second"] = rate(options, text.size(), [&] { encoder.count({text}); });
  out["mb_per_second_of_lines"] = rate(options, text.size(), [&] { encoder.count(lines); });
  out["threads"] = pool.threads();
  out["mb_per_second_of_all_threads"] = rate(options, text.size(), [&] {
    pool(static_cast<int64_t>(chunks.size()), [&](int64_t i, int) {
      Encoder(*tokenizer).count(lines_of(chunks[static_cast<size_t>(i)]));
    });
  });
  return out;
}

}  // namespace

void add_tokenizer_bench(CLI::App& tokenizer) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = tokenizer.add_subcommand("bench", "Measure how fast text becomes ids");
  verb->footer("Example:\n  weft tokenizer bench --tokenizer runs/demo/tokenizer.json input.txt");
  verb->add_option("--tokenizer", options->tokenizer, "as of the other verbs")->required();
  verb->add_option("file", options->file, "the text: as a whole, and by lines")->required();
  verb->add_option("--threads", options->threads, "0: as many as the process may use")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--runs", options->runs, "the best one counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->add_flag("--json", options->json, "as JSON");
  verb->callback([options] {
    interrupts();
    print_values(measured(*options), options->json);
  });
}

}  // namespace weft::cli
