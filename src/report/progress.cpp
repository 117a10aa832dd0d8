// Progress lines and the bar; see progress.h.
#include "report/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "core/size_text.h"
#include "report/number_text.h"
#include "report/safe_text.h"

namespace weft::report {
namespace {

constexpr double kSecondsBetweenRedraws = 0.1;
constexpr int kShortestBar = 10, kLongestBar = 30;  // columns
constexpr int kGap = 2;

std::string of_maximum(int64_t step, int64_t max_steps) {
  return max_steps > 0 ? std::to_string(step) + "/" + std::to_string(max_steps)
                       : std::to_string(step);
}

// "1.20GiB": a value must not hold a space, or the line cannot be split at spaces.
std::string without_spaces(std::string text) {
  std::erase(text, ' ');
  return text;
}

double share_done(int64_t step, int64_t max_steps) {
  return std::clamp(static_cast<double>(step) / static_cast<double>(max_steps), 0.0, 1.0);
}

std::string ascii_bar(double share, int width) {
  const int filled = static_cast<int>(share * (width - 2));
  return "[" + std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(width - 2 - filled), '-') + "]";
}

// Eighths of a column, so that the bar moves smoothly.
std::string unicode_bar(double share, int width) {
  constexpr std::array<std::string_view, 8> kPart{" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(share * 8 * (width - 2));
  std::string bar = "▕";
  for (int i = 0; i < width - 2; ++i) {
    const int here = std::clamp(eighths - 8 * i, 0, 8);
    bar += here == 8 ? std::string_view("█") : kPart[static_cast<size_t>(here)];
  }
  return bar + "▏";
}

// One entry of the bar's line. Entries stand in the order shown; the lowest rank is kept longest.
struct Entry {
  std::string text;
  int rank = 0;
};

// Less waiting for data is not worth a place on the line; log.jsonl has it.
constexpr double kShownWait = 0.01;

std::vector<Entry> entries_of(const LogRecord& record, int64_t max_steps) {
  std::vector<Entry> entries;
  // Padded, so that the line keeps its length while the step grows.
  const std::string step = of_maximum(record.step, max_steps);
  const size_t padding = of_maximum(max_steps, max_steps).size();
  entries.push_back(
      {"step " + std::string(padding - std::min(padding, step.size()), ' ') + step, 0});
  if (record.loss) entries.push_back({"loss " + fixed(*record.loss, 4), 1});
  if (record.grad_norm) entries.push_back({"norm " + fixed(*record.grad_norm, 2), 4});
  if (record.learning_rate) entries.push_back({"lr " + scientific(*record.learning_rate, 2), 5});
  if (record.tokens_per_second) {
    entries.push_back({compact(*record.tokens_per_second) + " tok/s", 3});
  }
  if (record.peak_share) entries.push_back({percent(*record.peak_share) + " of peak", 6});
  if (record.data_wait && *record.data_wait >= kShownWait) {
    entries.push_back({percent(*record.data_wait) + " waiting for data", 3});
  }
  if (record.memory_bytes) {
    entries.push_back({size_text(*record.memory_bytes), 7});
  }
  if (record.eta_seconds) entries.push_back({"ETA " + duration(*record.eta_seconds), 2});
  return entries;
}

int width_of(const std::vector<Entry>& entries) {
  int width = -kGap;
  for (const Entry& entry : entries) width += columns(entry.text) + kGap;
  return width;
}

// Drops entries, the least important first, until the rest fits; the step stays.
void fit(std::vector<Entry>& entries, int limit) {
  while (entries.size() > 1 && width_of(entries) > limit) {
    const auto rank_below = [](const Entry& a, const Entry& b) { return a.rank < b.rank; };
    entries.erase(std::max_element(entries.begin(), entries.end(), rank_below));
  }
}

std::string joined(const std::vector<Entry>& entries) {
  std::string line;
  for (const Entry& entry : entries) {
    if (!line.empty()) line.append(kGap, ' ');
    line += entry.text;
  }
  return line;
}

}  // namespace

std::string plain_line(const LogRecord& record, int64_t max_steps) {
  std::string line = "step " + of_maximum(record.step, max_steps);
  const auto add = [&](std::string_view name, const std::string& value) {
    line.append(" ").append(name).append(" ").append(without_spaces(value));
  };
  if (record.loss) add("loss", fixed(*record.loss, 4));
  if (record.grad_norm) add("grad_norm", fixed(*record.grad_norm, 2));
  if (record.learning_rate) add("lr", scientific(*record.learning_rate, 2));
  if (record.tokens_per_second) add("tokens/s", grouped(*record.tokens_per_second));
  if (record.peak_share) add("peak", percent(*record.peak_share));
  if (record.data_wait && *record.data_wait >= kShownWait)
    add("data_wait", percent(*record.data_wait));
  if (record.memory_bytes) add("memory", size_text(*record.memory_bytes));
  if (record.eta_seconds) add("eta", duration(*record.eta_seconds));
  if (record.eval_loss) add("eval_loss", fixed(*record.eval_loss, 4));
  if (record.eval_perplexity) add("perplexity", fixed(*record.eval_perplexity, 2));
  return line;
}

std::string event_lines(const LogRecord& record) {
  std::string lines;
  const std::string where = " at step " + std::to_string(record.step) + ": ";
  for (const std::string& text : record.notes) lines += "note" + where + printable(text) + "\n";
  for (const std::string& text : record.warnings) {
    lines += "warning" + where + printable(text) + "\n";
  }
  return lines;
}

std::string bar_line(const LogRecord& record, int64_t max_steps, const BarStyle& style) {
  const int limit = std::max(style.width, 2) - 1;
  std::vector<Entry> entries = entries_of(record, max_steps);
  // On a narrow terminal the numbers are worth more than a bar.
  constexpr int kForBar = kShortestBar + 5 + kGap;  // " 100%"
  std::vector<Entry> beside_bar = entries;
  fit(beside_bar, limit - kForBar);
  const bool with_bar =
      max_steps > 0 && beside_bar.size() >= 3 && width_of(beside_bar) + kForBar <= limit;
  if (with_bar) {
    const int room = limit - width_of(beside_bar) - kGap - 5;
    const int width = std::min(room, kLongestBar);
    const double share = share_done(record.step, max_steps);
    const std::string done = std::to_string(static_cast<int>(share * 100)) + "%";
    const std::string bar = style.unicode ? unicode_bar(share, width) : ascii_bar(share, width);
    return bar + std::string(5 - done.size(), ' ') + done + "  " + joined(beside_bar);
  }
  std::vector<Entry> with_word = entries;
  fit(with_word, limit);
  if (with_word.size() > 1) return joined(with_word);
  entries[0].text = of_maximum(record.step, max_steps);
  fit(entries, limit);
  return joined(entries).substr(0, static_cast<size_t>(limit));  // all of it is ASCII
}

ProgressBar::ProgressBar(std::ostream& out, int64_t max_steps, std::function<BarStyle()> style)
    : out_(out), max_steps_(max_steps), style_(std::move(style)) {}

void ProgressBar::show(const LogRecord& record) {
  std::string above = event_lines(record);
  if (record.eval_loss) {
    const LogRecord evaluation{.step = record.step,
                               .eval_loss = record.eval_loss,
                               .eval_perplexity = record.eval_perplexity};
    above += plain_line(evaluation, max_steps_) + "\n";
  }
  if (record.loss) {
    latest_ = record;
    drawn_latest_ = false;
  }
  if (!above.empty() || due(record)) draw(above);
}

void ProgressBar::message(std::string_view text) {
  std::string line(text);
  if (!line.ends_with('\n')) line += '\n';
  draw(line);
}

void ProgressBar::finish() {
  if (finished_) return;
  if (latest_ && !drawn_latest_) draw("");
  finished_ = true;
  if (latest_) out_ << "\n" << std::flush;
}

bool ProgressBar::due(const LogRecord& record) const {
  if (!latest_ || !drawn_at_ || !record.wall_time) return true;
  const double passed = *record.wall_time - *drawn_at_;  // below 0 where the clock was set back
  return !(passed >= 0 && passed < kSecondsBetweenRedraws) || record.step >= max_steps_;
}

// Writes whole lines over the bar, then the bar again. "\x1b[K" clears what the old line had more.
void ProgressBar::draw(std::string before) {
  std::string text;
  for (size_t begin = 0; begin < before.size();) {
    const size_t end = before.find('\n', begin);
    text += (finished_ ? "" : "\r") + before.substr(begin, end - begin);
    text += finished_ ? "\n" : "\x1b[K\n";
    begin = end + 1;
  }
  if (latest_ && !finished_) {
    text += "\r" + bar_line(*latest_, max_steps_, style_()) + "\x1b[K";
    drawn_latest_ = true;
    drawn_at_ = latest_->wall_time;
  }
  out_ << text << std::flush;
}

}  // namespace weft::report
