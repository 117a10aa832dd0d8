// The stages `length` and `repeated_lines`.
#include <unordered_map>

#include "data/clean/lines.h"
#include "data/clean/stage_registry.h"
#include "data/clean/word_counts.h"
#include "data/content_hash.h"

namespace weft::data {
namespace {

struct Bounds {
  std::optional<int64_t> least, most;
};

class LengthStage final : public Stage {
 public:
  explicit LengthStage(const StageConfig& config)
      : characters_{config.min_chars, config.max_chars},
        words_{config.min_words, config.max_words},
        lines_{config.min_lines, std::nullopt} {}

  void apply(std::string_view text, std::string&, StageResult& result) const override {
    if (characters_.least || characters_.most) {
      if (check(characters_, characters_of(text), "too few characters", "too many characters",
                result))
        return;
    }
    if (words_.least || words_.most) {
      if (check(words_, count_words(text).words, "too few words", "too many words", result)) return;
    }
    if (!lines_.least) return;
    int64_t lines = 0;
    for_each_line(text, [&](std::string_view line) { lines += !trimmed(line).empty(); });
    check(lines_, lines, "too few lines", "", result);
  }

 private:
  static bool check(const Bounds& bounds, int64_t count, std::string_view few,
                    std::string_view many, StageResult& result) {
    if (bounds.least && count < *bounds.least) result.drop(few);
    else if (bounds.most && count > *bounds.most) result.drop(many);
    return result.dropped;
  }

  Bounds characters_, words_, lines_;
};

class RepeatedLinesStage final : public Stage {
 public:
  explicit RepeatedLinesStage(int64_t most) : most_(most) {}

  void apply(std::string_view text, std::string& changed, StageResult& result) const override {
    std::unordered_map<uint64_t, int64_t> seen;
    int64_t removed = 0;
    for_each_line(text, [&](std::string_view line) {
      const std::string_view shown = trimmed(line);
      if (!shown.empty() && ++seen[hash64(shown)] > most_) {
        ++removed;
        return;
      }
      changed.append(line);
      changed += '\n';
    });
    if (!text.ends_with('\n') && !changed.empty()) changed.pop_back();
    result.changed = removed > 0;
    result.note("repeated line removed", removed);
  }

 private:
  int64_t most_;
};

}  // namespace

std::unique_ptr<const Stage> make_length(const StageConfig& config) {
  return std::make_unique<LengthStage>(config);
}

std::unique_ptr<const Stage> make_repeated_lines(const StageConfig& config) {
  return std::make_unique<RepeatedLinesStage>(config.most.value_or(1));
}

}  // namespace weft::data
