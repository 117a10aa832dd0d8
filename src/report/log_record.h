// One line of a run's history, and its form as a JSON object. Everything that shows a run (progress
// bar, log.jsonl, TensorBoard, report.html) starts from it. Not here: files (json_log.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::report {

// A text that the model made during the run.
struct TextSample {
  std::string prompt;
  std::string text;  // what the model went on with
  bool operator==(const TextSample&) const = default;
};

// What is known after a step. A training line has loss and rates, an evaluation line has eval_loss,
// a line of samples neither; one record may be all. Absent values are not written. NaN and
// infinities are kept: a run that diverged must say so.
struct LogRecord {
  int64_t step = 0;  // optimizer steps done
  std::optional<double> loss;
  std::optional<double> grad_norm;  // before clipping
  std::optional<double> learning_rate;
  std::optional<double> tokens_per_second;
  std::optional<double> peak_share;     // flops per second / the machine's measured peak, 0 to 1
  std::optional<double> data_wait;      // share of the time that steps waited for data, 0 to 1
  std::optional<int64_t> memory_bytes;  // resident
  std::optional<double> eta_seconds;    // until the last step
  std::optional<int64_t> tokens_seen;
  std::optional<double> epoch;
  std::optional<double> wall_time;  // seconds since 1970-01-01 UTC
  std::optional<double> eval_loss;
  std::optional<double> eval_perplexity;
  std::vector<std::string> notes;
  std::vector<std::string> warnings;
  std::vector<TextSample> samples;

  // Calls v(name, field) for every field but step, notes, warnings and samples; the names are the
  // keys of log.jsonl, the tags of TensorBoard and the columns of tables.
  template <class Visitor>
  void visit_values(Visitor&& v) {
    v("loss", loss);
    v("grad_norm", grad_norm);
    v("learning_rate", learning_rate);
    v("tokens_per_second", tokens_per_second);
    v("peak_share", peak_share);
    v("data_wait", data_wait);
    v("memory_bytes", memory_bytes);
    v("eta_seconds", eta_seconds);
    v("tokens_seen", tokens_seen);
    v("epoch", epoch);
    v("wall_time", wall_time);
    v("eval_loss", eval_loss);
    v("eval_perplexity", eval_perplexity);
  }
  template <class Visitor>
  void visit_values(Visitor&& v) const {
    LogRecord(*this).visit_values(v);
  }
  bool operator==(const LogRecord&) const = default;
};

// {"step": 12, "loss": 5.1234000000000002, ...} on one line, without a newline. Every number reads
// back exactly (loss in 17 digits, as C's %.17g). JSON has no NaN, so it is the string "NaN";
// infinities are "Infinity" and "-Infinity". Bytes that are not UTF-8 become U+FFFD.
std::string to_json(const LogRecord& record);

// The reverse. `source` begins messages. Throws Error for text that is no such object: malformed,
// without "step", with a key that is unknown or given twice, or with a value of another type.
LogRecord log_record_from_json(std::string_view line, std::string_view source);

}  // namespace weft::report
