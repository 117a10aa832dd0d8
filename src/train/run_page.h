// report.html of a run: its log, plan and config on one page.
#pragma once

#include <string>

#include "train/pretrainer.h"

namespace weft::train {

// Writes OUTPUT_DIR/report.html. A page that cannot be written is told to the run's listener.
void write_run_page(Pretrainer& run, const PretrainResult& result, const std::string& config_text);

}  // namespace weft::train
