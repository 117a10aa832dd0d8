// A run on a terminal or in a plain log: one greppable line a step, or a bar redrawn in place.
// Everything goes to strings or to a given stream. Not here: asking the terminal for its width.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "report/log_record.h"

namespace weft::report {

// "step 12/500 loss 5.1234 grad_norm 0.93 lr 1.00e-03 tokens/s 12,345 peak 61.2% memory 1.20GiB
// eta 1:23": a word, a space, a value without spaces, and so on; absent values are left out.
// max_steps 0: unknown. Evaluations add "eval_loss 4.1234 perplexity 61.77".
std::string plain_line(const LogRecord& record, int64_t max_steps);

// "note at step 12: ..." and "warning at step 12: ...", a line each, newlines included.
std::string event_lines(const LogRecord& record);

struct BarStyle {
  int width = 80;       // of the terminal, in columns
  bool unicode = true;  // false: ASCII only
};

// The bar's line, at most style.width - 1 columns (in the last one some terminals begin a new
// line). What does not fit is left out, the least important first.
std::string bar_line(const LogRecord& record, int64_t max_steps, const BarStyle& style);

// A bar on `out`, which is a terminal. Each change is one write and one flush, and the old line is
// overwritten, not erased first, so that nothing flickers. One thread at a time.
class ProgressBar {
 public:
  // `style` is asked at every redraw: windows change their size.
  ProgressBar(std::ostream& out, int64_t max_steps, std::function<BarStyle()> style);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { finish(); }

  // Shows a training record in the bar; notes, warnings and evaluations become lines above it.
  // Redraws at most ten times a second of the records' wall_time, if they have one.
  void show(const LogRecord& record);
  // A line of text (or several) above the bar.
  void message(std::string_view text);
  // Draws the last record and ends the line. Nothing is drawn afterwards; messages still are.
  void finish();

 private:
  bool due(const LogRecord& record) const;
  void draw(std::string before);

  std::ostream& out_;
  int64_t max_steps_;
  std::function<BarStyle()> style_;
  std::optional<LogRecord> latest_;
  std::optional<double> drawn_at_;
  bool drawn_latest_ = false;
  bool finished_ = false;
};

}  // namespace weft::report
