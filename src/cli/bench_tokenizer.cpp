// `weft tokenizer bench`: how fast a tokenizer encodes a text that is in memory.
#include <algorithm>
#include <functional>
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
constexpr size_t kChunkBytes = 64 << 10;

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

// Pieces whose ids are those of the whole.
Pieces cut_whole(const text::Tokenizer& tokenizer, std::string_view text) {
  Pieces pieces;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = tokenizer.next_cut(text, std::min(begin + kChunkBytes, text.size()));
    pieces.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

// Ways to encode one text, in turns, so that a machine whose speed drifts drifts under all.
class Race {
 public:
  explicit Race(size_t bytes) : bytes_(bytes) {}

  void add(std::string name, std::function<void()> run) {
    ways_.push_back({std::move(name), std::move(run)});
  }
  // The best of some runs of each, in millions of bytes a second.
  void run(int runs, nlohmann::ordered_json& out) {
    for (int i = 0; i < runs; ++i) {
      for (Way& way : ways_) {
        const double start = monotonic_seconds();
        way.run();
        const double seconds = monotonic_seconds() - start;
        way.best = std::max(way.best, static_cast<double>(bytes_) / seconds / 1e6);
        if (interrupts().load() > 0)
          throw Error("interrupted before the end", ExitCode::kInterrupted);
      }
    }
    for (const Way& way : ways_) out[way.name] = way.best;
  }

 private:
  struct Way {
    std::string name;
    std::function<void()> run;
    double best = 0;
  };
  size_t bytes_;
  std::vector<Way> ways_;
};

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
  const Pieces pieces = cut_whole(*tokenizer, text);
  const ThreadPool pool(thread_count(options.threads));
  Encoder encoder(*tokenizer);
  nlohmann::ordered_json out;
  out["bytes"] = text.size();
  out["ids"] = encoder.count({text});
  out["ids_of_lines"] = encoder.count(lines);
  out["pieces"] = pieces.size();
  out["threads"] = pool.threads();
  const auto on_all_threads = [&](const Pieces& shared, const auto& texts_of) {
    pool(static_cast<int64_t>(shared.size()), [&](int64_t i, int) {
      Encoder(*tokenizer).count(texts_of(shared[static_cast<size_t>(i)]));
    });
  };
  Race race(text.size());
  race.add("mb_per_second", [&] { encoder.count({text}); });
  race.add("all_threads_mb_per_second",
           [&] { on_all_threads(pieces, [](std::string_view piece) { return Pieces{piece}; }); });
  race.add("mb_per_second_of_lines", [&] { encoder.count(lines); });
  race.add("all_threads_mb_per_second_of_lines", [&] { on_all_threads(chunks, lines_of); });
  race.run(options.runs, out);
  return out;
}

}  // namespace

void add_tokenizer_bench(Verb& tokenizer) {
  auto options = std::make_shared<Options>();
  Verb verb = tokenizer.add_verb("bench", "Measure how fast text becomes ids");
  verb.footer("Example:\n  weft tokenizer bench --tokenizer runs/demo/tokenizer.json input.txt");
  verb.add_option("--tokenizer", options->tokenizer, "as of the other verbs").required();
  verb.add_option("file", options->file, "the text: as a whole, and by lines").required();
  verb.add_option("--threads", options->threads, "0: as many as the process may use")
      .between(0, 4096)
      .shows_default();
  verb.add_option("--runs", options->runs, "the best one counts").between(1, 1000).shows_default();
  verb.add_flag("--json", options->json, "as JSON");
  verb.callback([options] {
    interrupts();
    print_values(measured(*options), options->json);
  });
}

}  // namespace weft::cli
