#include "cli/text_input.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "cli/verb.h"
#include "core/quote.h"
#include "data/standard_input.h"

namespace weft::cli {

SpooledInput::SpooledInput(const std::vector<std::string>& inputs, const Path& output) {
  if (std::find(inputs.begin(), inputs.end(), "-") == inputs.end()) return;
  const Path normal = output.lexically_normal();
  const Path named = normal.has_filename() ? normal : normal.parent_path();
  create_folders(real_file_system(), parent_folder(named));
  file_ = parent_folder(named) / ("." + named.filename().string() + ".stdin");
  data::spool(real_file_system(), STDIN_FILENO, file_, [] {
    if (interrupts().load() > 0)
      throw Error("interrupted; nothing was written", ExitCode::kInterrupted);
  });
}

SpooledInput::~SpooledInput() {
  try {
    if (!file_.empty()) remove_tree(real_file_system(), file_);
  } catch (...) {  // the next run writes over it
  }
}

namespace {

// Two of the reasons are no loss: the text stays.
bool is_left_out(const data::LeftOut& left) {
  return left.reason != "byte order mark removed" && left.reason != data::kReplacedReason;
}

}  // namespace

void tell_left_out(const std::vector<data::LeftOut>& items) {
  for (const data::LeftOut& left : items)
    std::cerr << "weft: " << (is_left_out(left) ? "left out: " : "changed: ") << left.count << " x "
              << left.reason << " (for example " << printable(left.example) << ")\n";
}

}  // namespace weft::cli
