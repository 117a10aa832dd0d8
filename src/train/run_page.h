// report.html of a run: its log, plan and config on one page.
#pragma once

#include "train/pretrainer.h"

namespace weft::train {

// In the run's folder, where `weft profile --save` leaves it for the page.
inline constexpr std::string_view kProfileFile = "profile.txt";

// Writes OUTPUT_DIR/report.html at the end of a run, if the config's report_to asks for it. A page
// that cannot be written is told to the run's listener.
void write_run_page(Pretrainer& run, const PretrainResult& result);

// Writes RUN/report.html from what the run's folder holds (run_config.yaml and log.jsonl), while it
// goes on or years later; returns the page's path. Throws Error if the folder is of no run.
Path write_page_of_folder(FileSystem& files, const Path& run);

}  // namespace weft::train
