// What verbs that read text share: standard input as a file, and what of the text was left out.
#pragma once

#include <string>
#include <vector>

#include "core/file_system.h"
#include "data/left_out.h"

namespace weft::cli {

// What "-" among `inputs` means: standard input, copied into a hidden file beside `output`, which
// goes with this. An interrupt ends the copying.
class SpooledInput {
 public:
  SpooledInput(const std::vector<std::string>& inputs, const Path& output);
  ~SpooledInput();
  SpooledInput(const SpooledInput&) = delete;
  SpooledInput& operator=(const SpooledInput&) = delete;
  // Empty where no input is "-".
  const Path& file() const { return file_; }

 private:
  Path file_;
};

// On standard error.
void tell_left_out(const std::vector<data::LeftOut>& items);

}  // namespace weft::cli
