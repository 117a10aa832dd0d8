// Sections of report.html below the curves; see html_sections.h.
#include "report/html_sections.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/size_text.h"
#include "report/number_text.h"
#include "report/safe_text.h"

namespace weft::report {
namespace {

std::string table_rows(std::span<const LabelledValue> facts) {
  std::string out;
  for (const LabelledValue& fact : facts) {
    out += "<tr><th scope=\"row\">" + html_text(fact.label) + "</th><td>" + html_text(fact.value) +
           "</td></tr>\n";
  }
  return out;
}

std::string swatch_class(size_t i) {
  return "m" + std::to_string(std::min<size_t>(i, 5) + 1);
}

// Which records the table of values shows: some evenly, and those that are special.
std::vector<size_t> chosen_rows(std::span<const LogRecord> log) {
  constexpr size_t kEvenly = 30, kSpecial = 30;
  const auto odd = [](const std::optional<double>& value) {
    return value && !std::isfinite(*value);
  };
  std::vector<size_t> rows;
  for (size_t i = 0; i < kEvenly; ++i) rows.push_back(i * (log.size() - 1) / (kEvenly - 1));
  size_t special = 0;
  for (size_t i = 0; i < log.size() && special < kSpecial; ++i) {
    if (!log[i].eval_loss && !odd(log[i].loss) && !odd(log[i].grad_norm)) continue;
    rows.push_back(i);
    ++special;
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

std::string value_cells(const LogRecord& record) {
  const auto cell = [](const auto& value, const auto& text) {
    return "<td>" + (value ? text(*value) : std::string()) + "</td>";
  };
  const auto four_digits = [](double value) { return significant(value, 4); };
  return "<tr><th scope=\"row\">" + grouped(record.step) + "</th>" +
         cell(record.loss, [](double value) { return fixed(value, 4); }) +
         cell(record.eval_loss, [](double value) { return fixed(value, 4); }) +
         cell(record.grad_norm, four_digits) + cell(record.learning_rate, four_digits) +
         cell(record.tokens_per_second, [](double value) { return grouped(value); }) + "</tr>\n";
}

std::string sample_html(const GeneratedSample& sample) {
  return "<div class=\"sample\"><p>step " + grouped(sample.step) + "</p><pre><b>" +
         html_text(sample.prompt) + "</b>" + html_text(sample.text) + "</pre></div>\n";
}

}  // namespace

std::string values_table(std::span<const LogRecord> log) {
  if (log.empty()) return "";
  std::string out =
      "<details class=\"more\"><summary>The numbers behind the curves</summary>\n"
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Values by step\">"
      "<table class=\"numbers\"><thead><tr><th scope=\"col\">step</th><th scope=\"col\">loss</th>"
      "<th scope=\"col\">validation loss</th><th scope=\"col\">gradient norm</th>"
      "<th scope=\"col\">learning rate</th><th scope=\"col\">tokens/s</th></tr></thead><tbody>\n";
  for (const size_t row : chosen_rows(log)) out += value_cells(log[row]);
  return out + "</tbody></table></div></details>\n";
}

std::string plan_section(const PlanSummary& plan) {
  int64_t sum = 0;
  for (const MemoryCategory& category : plan.categories) sum += category.bytes;
  std::string bar, rows;
  for (size_t i = 0; i < plan.categories.size(); ++i) {
    const MemoryCategory& category = plan.categories[i];
    const double share =
        sum > 0 ? static_cast<double>(category.bytes) / static_cast<double>(sum) : 0;
    bar +=
        "<i class=\"" + swatch_class(i) + "\" style=\"width:" + fixed(share * 100, 2) + "%\"></i>";
    rows += "<tr><th scope=\"row\"><i class=\"swatch " + swatch_class(i) + "\"></i>" +
            html_text(category.name) + "</th><td class=\"number\">" + size_text(category.bytes) +
            "</td><td class=\"number\">" + percent(share) + "</td></tr>\n";
  }
  const std::string body = "<div class=\"split\"><div><div class=\"bar\" aria-hidden=\"true\">" +
                           bar + "</div><table><tbody>\n" + rows +
                           "</tbody><tfoot><tr><th scope=\"row\">planned in all</th>" +
                           "<td class=\"number\">" + size_text(plan.total_bytes) +
                           "</td><td></td></tr></tfoot></table></div>\n<div><table><tbody>\n" +
                           table_rows(plan.facts) + "</tbody></table></div></div>\n";
  return html_section("Memory plan", body);
}

std::string samples_section(std::span<const GeneratedSample> samples) {
  if (samples.empty()) return "";
  constexpr size_t kShown = 3;  // the latest
  const size_t hidden = samples.size() - std::min(samples.size(), kShown);
  std::string latest, earlier;
  for (size_t i = samples.size(); i > 0; --i) {
    (i > hidden ? latest : earlier) += sample_html(samples[i - 1]);
  }
  std::string body = "<div class=\"samples\">\n" + latest + "</div>\n";
  if (hidden > 0) {
    body += "<details class=\"more\"><summary>" + std::to_string(hidden) +
            " earlier</summary><div class=\"samples\">\n" + earlier + "</div></details>\n";
  }
  return html_section("Samples written during training", body);
}

namespace {

// Text with its own lines, in a box that scrolls.
std::string text_section(const std::string& title, const std::string& label,
                         const std::string& text) {
  if (text.empty()) return "";
  return html_section(title, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" +
                                 label + "\"><pre>" + html_text(text) + "</pre></div>\n");
}

}  // namespace

std::string config_section(const std::string& config) {
  return text_section("Config, as resolved", "Config", config);
}

std::string profile_section(const std::string& profile) {
  return text_section("Where the time of a step goes", "Profile", profile);
}

std::string facts_section(const std::string& title, std::span<const LabelledValue> facts) {
  if (facts.empty()) return "";
  return html_section(title, "<table><tbody>\n" + table_rows(facts) + "</tbody></table>\n");
}

}  // namespace weft::report
