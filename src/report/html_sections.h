// The parts of report.html that are no curves. Each is a whole element, or empty text where there
// is nothing to show. Not here: the page around them (html_report.h), its look (html_style.h).
#pragma once

#include <span>
#include <string>

#include "report/report_data.h"

namespace weft::report {

// A titled <section> around `body`, which is HTML; `css` is its class, or empty.
std::string html_section(const std::string& title, const std::string& body,
                         const std::string& css = "");

std::string title_section(const ReportData& data);
std::string tiles_section(const ReportData& data);
// Warnings of the run and the log, and where losses are not finite.
std::string warnings_section(const ReportData& data);
std::string notes_section(const ReportData& data);
// The best validation loss beside those of the reference models, as bars.
std::string comparison_table(const ReportData& data);
// The numbers behind the curves: at most some 60 steps, those with NaN and evaluations included.
std::string values_table(std::span<const LogRecord> log);
std::string plan_section(const PlanSummary& plan);
std::string samples_section(std::span<const GeneratedSample> samples);
std::string config_section(const std::string& config);
std::string profile_section(const std::string& profile);
std::string facts_section(const std::string& title, std::span<const LabelledValue> facts);

}  // namespace weft::report
