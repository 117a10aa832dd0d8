// What a profiled step is shown as: a table of operators, and a trace for chrome://tracing or
// ui.perfetto.dev. Not here: measuring.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft::report {

// What the machine can do at best, as measured (`weft bench`). 0: unknown.
struct Roof {
  double flops_per_second = 0;  // of the operator's element type
  double bytes_per_second = 0;
};

struct OperatorProfile {
  std::string name;
  int64_t calls = 1;
  double seconds = 0;  // of all calls
  double flops = 0;    // of all calls
  double bytes = 0;    // read and written by all calls
  Roof roof;
};

// The least time that the roof allows, divided by the time it took: 1 is the best possible. The
// least time is that of arithmetic or of memory, whichever is longer (Williams et al., "Roofline",
// 2009). NaN where time or roof is unknown.
double share_of_roof(const OperatorProfile& profile);

// One row for each name, with the sums of its rows; in the order of first appearance. Rows of one
// name with several roofs keep their own least times: the result's roof is the one at which the sum
// takes the sum of those times.
std::vector<OperatorProfile> by_name(std::span<const OperatorProfile> rows);

// A line for each row, the slowest first, and a total: calls, time, share of the time, Gflop, GB,
// Gflop/s, GB/s, share of the roof. Rows beyond `limit` are summed up in one; 0 shows all.
std::string profile_table(std::span<const OperatorProfile> rows, size_t limit = 0);

struct TraceEvent {
  std::string name;
  std::string category;  // the operator's kind; may be empty
  double start_seconds = 0;
  double seconds = 0;
  int64_t thread = 0;
  double flops = 0;
  double bytes = 0;
};

// The JSON of Chrome's trace event format, complete events ("X"), times in microseconds.
// `thread_names` names threads 0, 1, ...; the others show their number.
std::string chrome_trace(std::span<const TraceEvent> events,
                         std::span<const std::string> thread_names);

}  // namespace weft::report
