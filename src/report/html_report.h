// report.html: one page with nothing beside it (no network, no other file; readable without script)
// that shows a run: curves, summary, memory plan, samples, config, data, machine, warnings.
#pragma once

#include <string>

#include "core/file_system.h"
#include "report/report_data.h"

namespace weft::report {

// The whole page. All text of `data` is escaped; the page's own policy forbids any script but one.
std::string html_report(const ReportData& data);

// Writes it, replacing an older page in one step. FileError if that fails.
void write_html_report(FileSystem& files, const Path& file, const ReportData& data);

}  // namespace weft::report
