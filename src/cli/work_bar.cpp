#include "cli/work_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "cli/verb.h"

namespace weft::cli {
namespace {

constexpr auto kBarEvery = std::chrono::milliseconds(100);
constexpr auto kLineEvery = std::chrono::seconds(30);
constexpr auto kRateOver = std::chrono::seconds(10);

std::string fixed(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string eta_text(double seconds) {
  if (!(seconds < 360'000)) return "?";
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  char text[32];
  if (whole >= 3600)
    std::snprintf(text, sizeof text, "%d:%02d:%02d", static_cast<int>(whole / 3600),
                  static_cast<int>(whole / 60 % 60), static_cast<int>(whole % 60));
  else
    std::snprintf(text, sizeof text, "%d:%02d", static_cast<int>(whole / 60),
                  static_cast<int>(whole % 60));
  return text;
}

std::string bar(double share, bool unicode) {
  constexpr int kColumns = 20;
  const int full = static_cast<int>(share * kColumns);
  std::string text = "[";
  for (int i = 0; i < kColumns; ++i)
    text += i < full ? (unicode ? "\u2588" : "#") : (unicode ? "\u2591" : ".");
  return text + "]";
}

}  // namespace

std::string work_bar_line(const WorkBarState& state, int width, bool unicode) {
  const double total = static_cast<double>(std::max<int64_t>(state.total, 1));
  const double share = std::clamp(static_cast<double>(state.done) / total, 0.0, 1.0);
  std::string line = state.name + "  " + fixed(100 * share, 0) + " %";
  int columns = static_cast<int>(line.size());
  const auto add = [&](const std::string& part, int part_columns) {
    if (columns + 2 + part_columns >= width) return;
    line += "  " + part;
    columns += 2 + part_columns;
  };
  const auto add_text = [&](const std::string& part) { add(part, static_cast<int>(part.size())); };
  if (state.bytes_per_second > 0) {
    add_text("eta " + eta_text((total - static_cast<double>(state.done)) / state.bytes_per_second));
    add_text(fixed(state.bytes_per_second / 1e6, 1) + " MB/s");
  }
  add_text(fixed(static_cast<double>(state.done) / 1e6, 0) + "/" + fixed(total / 1e6, 0) + " MB");
  add(bar(share, unicode), 22);
  return line;
}

WorkBar::WorkBar(std::string name)
    : name_(std::move(name)), terminal_(is_terminal(STDERR_FILENO)), drawn_(Clock::now()) {}

// Over the last seconds: after an interruption the first part of the input is read, not worked on.
double WorkBar::rate(Clock::time_point now) const {
  const double seconds = std::chrono::duration<double>(now - marks_.front().time).count();
  if (seconds < 0.5) return 0;
  return static_cast<double>(marks_.back().done - marks_.front().done) / seconds;
}

void WorkBar::show(int64_t done, int64_t total) {
  const Clock::time_point now = Clock::now();
  marks_.push_back({now, done});
  while (marks_.size() > 2 && now - marks_.front().time > kRateOver) marks_.pop_front();
  if (now - drawn_ < (terminal_ ? Clock::duration(kBarEvery) : Clock::duration(kLineEvery))) return;
  drawn_ = now;
  const int width = terminal_ ? terminal_width() - 1 : 100;
  const std::string line =
      work_bar_line({name_, done, total, rate(now)}, width, terminal_ && terminal_unicode());
  if (terminal_) std::cerr << "\r" << line << "\x1b[K" << std::flush;
  else std::cerr << "weft: " << line << std::endl;
  visible_ = terminal_;
}

void WorkBar::finish() {
  if (visible_) std::cerr << "\r\x1b[K" << std::flush;
  visible_ = false;
}

}  // namespace weft::cli
