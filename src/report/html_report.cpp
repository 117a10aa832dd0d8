// The page of a run; see html_report.h.
#include "report/html_report.h"

#include <algorithm>
#include <utility>

#include "report/html_chart.h"
#include "report/html_sections.h"
#include "report/html_style.h"
#include "report/safe_text.h"
#include "report/series.h"

namespace weft::report {
namespace {

ChartCurve curve_of(const ReportData& data, std::string_view field, const std::string& name) {
  ChartCurve curve{.series = series_of(data.log, field)};
  curve.series.name = name;
  return curve;
}

// Adds a smoothed copy where there are enough points for it to say more than the curve itself.
void add_with_smoothed(std::vector<ChartCurve>& curves, ChartCurve curve) {
  constexpr size_t kWorthSmoothing = 40;
  const size_t points = curve.series.y.size();
  if (points < kWorthSmoothing) {
    curves.push_back(std::move(curve));
    return;
  }
  ChartCurve smooth = curve;
  smooth.look = CurveLook::kSmoothed;
  smooth.series.name += ", smoothed";
  smooth.series.y = smoothed(curve.series.y, std::max<size_t>(points / 100, 2));
  curve.look = CurveLook::kFaint;
  curves.push_back(std::move(curve));
  curves.push_back(std::move(smooth));
}

Chart loss_chart(const ReportData& data) {
  Chart chart{.title = "Loss", .unit = "nats per token", .tall = true};
  add_with_smoothed(chart.curves, curve_of(data, "loss", "training"));
  ChartCurve validation = curve_of(data, "eval_loss", "validation");
  validation.look = CurveLook::kMarks;
  validation.colour = 2;
  chart.curves.push_back(std::move(validation));
  for (const ReferenceLoss& reference : data.references) {
    chart.levels.push_back({.name = reference.name, .y = reference.loss});
  }
  return chart;
}

Chart small_chart(const ReportData& data, std::string_view field, const std::string& title,
                  const std::string& unit) {
  Chart chart{.title = title, .unit = unit, .from_zero = true};
  chart.curves.push_back(curve_of(data, field, title));
  return chart;
}

std::string charts_section(const ReportData& data) {
  Chart memory = small_chart(data, "memory_bytes", "Memory", "MiB, resident");
  for (double& value : memory.curves[0].series.y) value /= 1 << 20;
  const std::string small =
      html_chart(small_chart(data, "learning_rate", "Learning rate", "")) +
      html_chart(small_chart(data, "grad_norm", "Gradient norm", "before clipping")) +
      html_chart(small_chart(data, "tokens_per_second", "Throughput", "tokens per second")) +
      html_chart(memory);
  const std::string loss = html_chart(loss_chart(data));
  std::string out;
  if (!loss.empty()) out += "<section>\n" + loss + comparison_table(data) + "</section>\n";
  if (!small.empty()) {
    out += "<section>\n<div class=\"charts\">\n" + small + "</div>\n" + values_table(data.log) +
           "</section>\n";
  }
  return out;
}

std::string head(const ReportData& data) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'; script-src '" +
         std::string(page_script_hash()) +
         "'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         html_text(data.title) + " - Weft</title>\n<style>\n" + std::string(page_style()) +
         "</style>\n</head>\n";
}

}  // namespace

std::string html_report(const ReportData& data) {
  std::string page = head(data) + "<body>\n" + title_section(data) + "<main>\n";
  page += tiles_section(data) + warnings_section(data) + charts_section(data);
  page += samples_section(data.samples);
  page += profile_section(data.profile);
  if (data.plan) page += plan_section(*data.plan);
  page += "<div class=\"pair\">\n" + facts_section("Data", data.prepare) +
          facts_section("Machine", data.environment) + "</div>\n";
  page += notes_section(data) + config_section(data.config);
  page += "</main>\n<footer>Made by Weft" +
          (data.written.empty() ? std::string() : ", " + html_text(data.written)) +
          ". Numbers of every step are in log.jsonl.</footer>\n<script>" +
          std::string(page_script()) + "</script>\n</body>\n</html>\n";
  return page;
}

void write_html_report(FileSystem& files, const Path& file, const ReportData& data) {
  write_file_atomically(files, file, html_report(data));
}

}  // namespace weft::report
