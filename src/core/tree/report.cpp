#include "core/tree/report.h"

#include <algorithm>

#include "weft/error.h"

namespace weft {
namespace {

std::string line(const Position& at, std::string_view path, std::string_view message) {
  std::string text = at.to_string();
  if (!text.empty()) text += ": ";
  if (!path.empty()) text.append(path).append(": ");
  return text.append(message);
}

}  // namespace

void Report::error(const Position& at, std::string_view path, std::string_view message) {
  if (errors_.size() < kShown) errors_.push_back(line(at, path, message));
  else ++left_out_;
}

void Report::note(const Position& at, std::string_view path, std::string_view message) {
  std::string text = line(at, path, message);
  const bool is_new = std::find(notes_.begin(), notes_.end(), text) == notes_.end();
  if (is_new && notes_.size() < kShown) notes_.push_back(std::move(text));
}

void Report::throw_errors() const {
  if (errors_.empty()) return;
  std::string text;
  for (const std::string& error : errors_) {
    if (!text.empty()) text += '\n';
    text += error;
  }
  if (left_out_ > 0) text += "\nand " + std::to_string(left_out_) + " more errors";
  throw Error(text);
}

}  // namespace weft
