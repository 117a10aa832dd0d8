// The summary at the top of report.html; see html_sections.h.
#include "report/html_sections.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <vector>

#include "core/size_text.h"
#include "report/html_style.h"
#include "report/number_text.h"
#include "report/safe_text.h"

namespace weft::report {
namespace {

constexpr size_t kMostEvents = 50;

std::string_view state_word(RunState state) {
  switch (state) {
    case RunState::kRunning: return "running";
    case RunState::kFinished: return "finished";
    case RunState::kStopped: return "stopped";
    case RunState::kDiverged: return "diverged";
  }
  return "";
}

struct StepText {
  std::optional<int64_t> step;
  std::string text;
};

// A list of notes or warnings. Beyond kMostEvents only their number is told.
std::string event_list(const std::vector<StepText>& events) {
  std::string out = "<ul class=\"events\">\n";
  for (size_t i = 0; i < std::min(events.size(), kMostEvents); ++i) {
    out += "<li>";
    if (events[i].step) out += "<b>step " + grouped(*events[i].step) + "</b>";
    out += html_text(events[i].text) + "</li>\n";
  }
  if (events.size() > kMostEvents) {
    out += "<li>and " + std::to_string(events.size() - kMostEvents) + " more, in log.jsonl</li>\n";
  }
  return out + "</ul>\n";
}

bool is_odd(const std::optional<double>& value) {
  return value && !std::isfinite(*value);
}

// "The training loss is NaN or infinite at 3 steps, first at step 310."; empty if it never is.
std::string not_finite_warning(std::span<const LogRecord> log, const std::string& name,
                               std::optional<double> LogRecord::*field) {
  const auto odd = [field](const LogRecord& record) { return is_odd(record.*field); };
  const auto first = std::find_if(log.begin(), log.end(), odd);
  if (first == log.end()) return "";
  const auto count = std::count_if(log.begin(), log.end(), odd);
  return "The " + name + " loss is NaN or infinite at " + std::to_string(count) +
         (count == 1 ? " step: " : " steps, first at step ") + std::to_string(first->step) + ".";
}

// One summary number: what, how much, and something small about it.
struct Tile {
  std::string label, value, detail;
  bool bad = false;
};

std::string html_of(const Tile& tile) {
  const std::string detail =
      tile.detail.empty() ? "" : "<small>" + html_text(tile.detail) + "</small>";
  return "<li class=\"tile" + std::string(tile.bad ? " bad" : "") + "\"><span>" +
         html_text(tile.label) + "</span><b>" + html_text(tile.value) + "</b>" + detail + "</li>\n";
}

template <class Value>
std::vector<double> finite_values(std::span<const LogRecord> log,
                                  std::optional<Value> LogRecord::*field) {
  std::vector<double> values;
  for (const LogRecord& record : log) {
    if (!(record.*field)) continue;
    const double value = static_cast<double>(*(record.*field));
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The last record that has the field.
template <class Value>
const LogRecord* last_with(std::span<const LogRecord> log, std::optional<Value> LogRecord::*field) {
  for (size_t i = log.size(); i > 0; --i) {
    if (log[i - 1].*field) return &log[i - 1];
  }
  return nullptr;
}

// The record with the lowest finite evaluation loss.
const LogRecord* best_evaluation(std::span<const LogRecord> log) {
  const LogRecord* best = nullptr;
  for (const LogRecord& record : log) {
    if (!record.eval_loss || !std::isfinite(*record.eval_loss)) continue;
    if (best == nullptr || *record.eval_loss < *best->eval_loss) best = &record;
  }
  return best;
}

void add_loss_tiles(const ReportData& data, std::vector<Tile>& tiles) {
  if (const LogRecord* last = last_with(data.log, &LogRecord::loss)) {
    tiles.push_back({.label = "Training loss",
                     .value = fixed(*last->loss, 4),
                     .detail = "at step " + grouped(last->step),
                     .bad = is_odd(last->loss)});
  }
  if (const LogRecord* best = best_evaluation(data.log)) {
    const double perplexity = best->eval_perplexity.value_or(std::exp(*best->eval_loss));
    tiles.push_back({.label = "Best validation",
                     .value = fixed(*best->eval_loss, 4),
                     .detail = "perplexity " + significant(perplexity, 4)});
  }
}

void add_length_tiles(const ReportData& data, std::vector<Tile>& tiles) {
  const LogRecord& last = data.log.back();
  const LogRecord* with_epoch = last_with(data.log, &LogRecord::epoch);
  tiles.push_back({.label = "Steps",
                   .value = grouped(last.step),
                   .detail = data.max_steps > 0 ? "of " + grouped(data.max_steps) : ""});
  if (const LogRecord* seen = last_with(data.log, &LogRecord::tokens_seen)) {
    tiles.push_back(
        {.label = "Tokens seen",
         .value = compact(static_cast<double>(*seen->tokens_seen)),
         .detail = with_epoch == nullptr ? "" : fixed(*with_epoch->epoch, 2) + " epochs"});
  }
}

void add_machine_tiles(const ReportData& data, std::vector<Tile>& tiles) {
  const auto rates = finite_values(data.log, &LogRecord::tokens_per_second);
  const auto shares = finite_values(data.log, &LogRecord::peak_share);
  int64_t memory = 0;
  for (const LogRecord& record : data.log)
    memory = std::max(memory, record.memory_bytes.value_or(0));
  const auto times = finite_values(data.log, &LogRecord::wall_time);
  if (!rates.empty()) {
    tiles.push_back({.label = "Tokens/s",
                     .value = compact(median(rates)),
                     .detail = shares.empty() ? "median" : percent(median(shares)) + " of peak"});
  }
  if (memory > 0) {
    tiles.push_back({.label = "Peak memory",
                     .value = size_text(memory),
                     .detail = data.plan ? "planned " + size_text(data.plan->total_bytes) : ""});
  }
  if (times.size() > 1) {
    tiles.push_back({.label = "Time",
                     .value = duration(times.back() - times.front()),
                     .detail = "first to last step"});
  }
}

}  // namespace

std::string html_section(const std::string& title, const std::string& body,
                         const std::string& css) {
  const std::string attribute = css.empty() ? "" : " class=\"" + css + "\"";
  return "<section" + attribute + ">\n<h2>" + html_text(title) + "</h2>\n" + body + "</section>\n";
}

std::string title_section(const ReportData& data) {
  const std::string word(state_word(data.state));
  std::string out = "<header>\n<div class=\"name\">" + std::string(page_mark()) + "<h1>" +
                    html_text(data.title) + "</h1><span class=\"state " + word + "\">" + word +
                    "</span></div>\n";
  for (const std::string& line : {data.subtitle, data.state_detail}) {
    if (!line.empty()) out += "<p class=\"subtitle\">" + html_text(line) + "</p>\n";
  }
  return out + "</header>\n";
}

std::string tiles_section(const ReportData& data) {
  if (data.log.empty()) return "";
  std::vector<Tile> tiles;
  add_loss_tiles(data, tiles);
  add_length_tiles(data, tiles);
  add_machine_tiles(data, tiles);
  std::string out = "<ul class=\"tiles\">\n";
  for (const Tile& tile : tiles) out += html_of(tile);
  return out + "</ul>\n";
}

std::string warnings_section(const ReportData& data) {
  std::vector<StepText> events;
  for (const std::string& text :
       {not_finite_warning(data.log, "training", &LogRecord::loss),
        not_finite_warning(data.log, "validation", &LogRecord::eval_loss)}) {
    if (!text.empty()) events.push_back({{}, text});
  }
  for (const std::string& text : data.warnings) events.push_back({{}, text});
  for (const LogRecord& record : data.log) {
    for (const std::string& text : record.warnings) events.push_back({record.step, text});
  }
  return events.empty() ? "" : html_section("Warnings", event_list(events), "alarm-box");
}

std::string notes_section(const ReportData& data) {
  std::vector<StepText> events;
  for (const std::string& text : data.notes) events.push_back({{}, text});
  for (const LogRecord& record : data.log) {
    for (const std::string& text : record.notes) events.push_back({record.step, text});
  }
  return events.empty() ? "" : html_section("Notes", event_list(events));
}

std::string comparison_table(const ReportData& data) {
  const LogRecord* best = best_evaluation(data.log);
  if (best == nullptr || data.references.empty()) return "";
  std::vector<ReferenceLoss> rows{{.name = "This model", .loss = *best->eval_loss}};
  rows.insert(rows.end(), data.references.begin(), data.references.end());
  double largest = 0;
  for (const ReferenceLoss& row : rows) {
    if (std::isfinite(row.loss)) largest = std::max(largest, row.loss);
  }
  std::string out =
      "<table class=\"compare\"><caption>Validation loss, nats per token; lower is better</caption>"
      "<tbody>\n";
  for (const ReferenceLoss& row : rows) {
    const double share = largest > 0 && row.loss > 0 ? row.loss / largest : 0;
    out += "<tr><th scope=\"row\">" + html_text(row.name) +
           "</th><td><i style=\"width:" + fixed(std::isfinite(share) ? share * 100 : 0, 1) +
           "%\"></i></td><td class=\"number\">" + fixed(row.loss, 4) + "</td></tr>\n";
  }
  return out + "</tbody></table>\n";
}

}  // namespace weft::report
