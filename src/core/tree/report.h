// What is wrong with a tree, and what is worth saying: collected, so that all mistakes of a config
// show at once. Only texts; whoever reads the tree decides what is wrong.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/tree/tree.h"

namespace weft {

class Report {
 public:
  // "POSITION: PATH: MESSAGE"; parts that are empty are left out.
  void error(const Position& at, std::string_view path, std::string_view message);
  void note(const Position& at, std::string_view path, std::string_view message);

  size_t errors() const { return errors_.size() + left_out_; }
  const std::vector<std::string>& notes() const { return notes_; }
  // Throws Error with a line for each of the first kShown errors, in the order of the file, if
  // there was one.
  void throw_errors() const;

  static constexpr size_t kShown = 20;

 private:
  struct Entry {
    Position at;
    std::string text;
  };
  std::vector<Entry> errors_;
  std::vector<std::string> notes_;
  size_t left_out_ = 0;
};

}  // namespace weft
