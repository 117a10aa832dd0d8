// A bar for work on bytes: how much is done, how fast, and when it will be over.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>

namespace weft::cli {

// "prepare  43 %  [####      ]  1.2/2.8 GB  45.2 MB/s  eta 0:35": at most `width` columns.
struct WorkBarState {
  std::string name;
  int64_t done = 0;
  int64_t total = 0;
  double bytes_per_second = 0;  // 0: not known yet
};
std::string work_bar_line(const WorkBarState& state, int width, bool unicode);

// Draws on standard error where that is a terminal; elsewhere a plain line every half minute. One
// thread at a time.
class WorkBar {
 public:
  explicit WorkBar(std::string name);
  ~WorkBar() { finish(); }
  WorkBar(const WorkBar&) = delete;
  WorkBar& operator=(const WorkBar&) = delete;

  void show(int64_t done, int64_t total);
  // Clears the bar.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  double rate(Clock::time_point now) const;

  struct Mark {
    Clock::time_point time;
    int64_t done;
  };
  std::string name_;
  bool terminal_;
  Clock::time_point drawn_;
  std::deque<Mark> marks_;  // of the last seconds
  bool visible_ = false;
};

}  // namespace weft::cli
