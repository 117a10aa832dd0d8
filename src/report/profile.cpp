// Profile table and trace; see profile.h.
#include "report/profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "report/number_text.h"
#include "report/safe_text.h"
#include "weft/error.h"

namespace weft::report {
namespace {

constexpr int kColumns = 9;
using Cells = std::array<std::string, kColumns>;

// Seconds that the roof allows at best; NaN if it is unknown.
double least_seconds(const OperatorProfile& row) {
  const auto time = [](double amount, double rate) {
    if (amount == 0) return 0.0;
    return rate > 0 ? amount / rate : std::numeric_limits<double>::quiet_NaN();
  };
  const double arithmetic = time(row.flops, row.roof.flops_per_second);
  const double memory = time(row.bytes, row.roof.bytes_per_second);
  return std::isnan(arithmetic) ? arithmetic
         : std::isnan(memory)   ? memory
                                : std::max(arithmetic, memory);
}

// `rows` as one, called `name`.
OperatorProfile sum_of(std::span<const OperatorProfile> rows, std::string name) {
  OperatorProfile sum{.name = std::move(name), .calls = 0};
  double least = 0;
  for (const OperatorProfile& row : rows) {
    sum.calls += row.calls;
    sum.seconds += row.seconds;
    sum.flops += row.flops;
    sum.bytes += row.bytes;
    least += least_seconds(row);
  }
  if (least > 0) {
    sum.roof = {.flops_per_second = sum.flops / least, .bytes_per_second = sum.bytes / least};
  }
  return sum;
}

std::string or_dash(double value, const std::string& text) {
  return std::isfinite(value) ? text : "-";
}

Cells cells_of(const OperatorProfile& row, double total_seconds) {
  const double share = row.seconds / total_seconds, roof = share_of_roof(row);
  const double flop_rate = row.flops / row.seconds, byte_rate = row.bytes / row.seconds;
  return {printable(row.name),
          grouped(row.calls),
          short_time(row.seconds),
          or_dash(share, percent(share)),
          fixed(row.flops / 1e9, 3),
          fixed(row.bytes / 1e9, 3),
          or_dash(flop_rate, fixed(flop_rate / 1e9, 1)),
          or_dash(byte_rate, fixed(byte_rate / 1e9, 1)),
          or_dash(roof, percent(roof))};
}

std::string aligned(const std::vector<Cells>& lines) {
  std::array<int, kColumns> widths{};
  for (const Cells& cells : lines) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], columns(cells[i]));
  }
  std::string text;
  for (const Cells& cells : lines) {
    for (size_t i = 0; i < kColumns; ++i) {
      const std::string padding(static_cast<size_t>(widths[i] - columns(cells[i])), ' ');
      text += i == 0 ? cells[i] + padding : "  " + padding + cells[i];
    }
    text += "\n";
  }
  return text;
}

std::string metadata(std::string_view what, int64_t thread, const std::string& value) {
  return "{\"ph\": \"M\", \"pid\": 0, \"tid\": " + std::to_string(thread) + ", \"name\": \"" +
         std::string(what) + "\", \"args\": {\"name\": " + json_string(value) + "}}";
}

// Nanoseconds are the finest that counts; a trace has thousands of events.
std::string microseconds(double seconds) {
  return fixed(seconds * 1e6, 3);
}

std::string event_json(const TraceEvent& event) {
  std::string text = "{\"ph\": \"X\", \"pid\": 0, \"tid\": " + std::to_string(event.thread) +
                     ", \"ts\": " + microseconds(event.start_seconds) +
                     ", \"dur\": " + microseconds(event.seconds) +
                     ", \"name\": " + json_string(event.name);
  if (!event.category.empty()) text += ", \"cat\": " + json_string(event.category);
  text += ", \"args\": {\"flops\": " + exact(event.flops) + ", \"bytes\": " + exact(event.bytes);
  if (event.seconds > 0) {
    text += ", \"Gflop/s\": " + fixed(event.flops / event.seconds / 1e9, 3) +
            ", \"GB/s\": " + fixed(event.bytes / event.seconds / 1e9, 3);
  }
  return text + "}}";
}

}  // namespace

double share_of_roof(const OperatorProfile& profile) {
  if (!(profile.seconds > 0)) return std::numeric_limits<double>::quiet_NaN();
  return least_seconds(profile) / profile.seconds;
}

std::vector<OperatorProfile> by_name(std::span<const OperatorProfile> rows) {
  std::vector<std::vector<OperatorProfile>> groups;
  for (const OperatorProfile& row : rows) {
    const auto same = [&](const auto& group) { return group.front().name == row.name; };
    const auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) groups.push_back({row});
    else group->push_back(row);
  }
  std::vector<OperatorProfile> sums;
  for (const auto& group : groups) sums.push_back(sum_of(group, group.front().name));
  return sums;
}

std::string profile_table(std::span<const OperatorProfile> rows, size_t limit) {
  std::vector<OperatorProfile> sorted(rows.begin(), rows.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  const OperatorProfile total = sum_of(sorted, "total");
  if (limit > 0 && sorted.size() > limit) {
    const std::span<const OperatorProfile> rest = std::span(sorted).subspan(limit);
    const OperatorProfile others = sum_of(rest, "(" + std::to_string(rest.size()) + " others)");
    sorted.resize(limit);
    sorted.push_back(others);
  }
  std::vector<Cells> lines{
      {"operator", "calls", "time", "share", "Gflop", "GB", "Gflop/s", "GB/s", "of roof"}};
  for (const OperatorProfile& row : sorted) lines.push_back(cells_of(row, total.seconds));
  lines.push_back(cells_of(total, total.seconds));
  return aligned(lines);
}

std::string chrome_trace(std::span<const TraceEvent> events,
                         std::span<const std::string> thread_names) {
  std::string text = "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n";
  text += metadata("process_name", 0, "weft");
  for (size_t i = 0; i < thread_names.size(); ++i) {
    text += ",\n" + metadata("thread_name", static_cast<int64_t>(i), thread_names[i]);
  }
  for (const TraceEvent& event : events) {
    WEFT_ASSERT(std::isfinite(event.start_seconds) && std::isfinite(event.seconds) &&
                std::isfinite(event.flops) && std::isfinite(event.bytes));
    text += ",\n" + event_json(event);
  }
  return text + "\n]}\n";
}

}  // namespace weft::report
