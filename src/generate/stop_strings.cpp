// Stop strings over streamed text; see stop_strings.h.
#include "generate/stop_strings.h"

#include <algorithm>
#include <utility>

#include "weft/error.h"

namespace weft::generate {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  for (const std::string& stop : stops_) {
    if (stop.empty()) {
      throw Error(
          "a stop string is empty; it would end every text at once. Give at least one byte");
    }
  }
  // Longest first, so that of several stops that end together the longest is found.
  std::stable_sort(stops_.begin(), stops_.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string StopMatcher::push(std::string_view piece) {
  std::string shown;
  for (const char c : piece) {
    if (stopped()) break;
    held_ += c;
    if (complete_stop()) {
      shown += std::exchange(held_, {});
      break;
    }
    const size_t certain = held_.size() - possible_prefix();
    shown.append(held_, 0, certain);
    held_.erase(0, certain);
  }
  return shown;
}

std::string StopMatcher::finish() {
  return std::exchange(held_, {});
}

// Whether the held text now ends with a stop string; that string is then taken off.
bool StopMatcher::complete_stop() {
  for (const std::string& stop : stops_) {
    if (!held_.ends_with(stop)) continue;
    held_.resize(held_.size() - stop.size());
    matched_ = stop;
    return true;
  }
  return false;
}

// Length of the longest end of the held text that begins some stop string.
size_t StopMatcher::possible_prefix() const {
  for (size_t length = held_.size(); length > 0; --length) {
    const std::string_view end = std::string_view(held_).substr(held_.size() - length);
    const auto begins = [&](const std::string& stop) { return stop.starts_with(end); };
    if (std::any_of(stops_.begin(), stops_.end(), begins)) return length;
  }
  return 0;
}

}  // namespace weft::generate
