#include "core/tree/report.h"

#include <algorithm>
#include <tuple>

#include "weft/error.h"

namespace weft {
namespace {

std::string line(const Position& at, std::string_view path, std::string_view message) {
  std::string text = at.to_string();
  if (!text.empty()) text += ": ";
  if (!path.empty()) text.append(path).append(": ");
  return text.append(message);
}

// Files first, each in its order; then what was given on the command line or by a default.
template <class Entry>
bool comes_before(const Entry& a, const Entry& b) {
  const auto key = [](const Position& at) {
    const bool in_file = at.source != nullptr && at.line > 0;
    return std::tuple(!in_file, in_file ? *at.source : std::string(), at.line, at.column);
  };
  return key(a.at) < key(b.at);
}

}  // namespace

void Report::error(const Position& at, std::string_view path, std::string_view message) {
  if (errors_.size() < kShown) errors_.push_back({at, line(at, path, message)});
  else ++left_out_;
}

void Report::note(const Position& at, std::string_view path, std::string_view message) {
  std::string text = line(at, path, message);
  const bool is_new = std::find(notes_.begin(), notes_.end(), text) == notes_.end();
  if (is_new && notes_.size() < kShown) notes_.push_back(std::move(text));
}

void Report::throw_errors() const {
  if (errors_.empty()) return;
  std::vector<Entry> sorted = errors_;
  std::stable_sort(sorted.begin(), sorted.end(), comes_before<Entry>);
  std::string text;
  for (const Entry& error : sorted) {
    if (!text.empty()) text += '\n';
    text += error.text;
  }
  if (left_out_ > 0) text += "\nand " + std::to_string(left_out_) + " more errors";
  throw Error(text);
}

}  // namespace weft
