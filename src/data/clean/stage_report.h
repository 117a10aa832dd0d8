// What the stages did with all documents: counts and examples, kept in the manifest and shown on
// the page report.html.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace weft::data {

struct StageCount {
  std::string what;
  int64_t count = 0;

  bool operator==(const StageCount&) const = default;
};

struct StageExample {
  std::string what;
  std::string place;   // file and line of the document
  std::string before;  // an excerpt, with personal data masked
  std::string after;   // empty for a document that was left out

  bool operator==(const StageExample&) const = default;
};

struct StageReport {
  std::string stage;      // its name
  std::string settings;   // "min_words=50, max_words=100000"
  int64_t documents = 0;  // that came to it
  int64_t changed = 0;
  int64_t dropped = 0;
  int64_t bytes_in = 0;
  int64_t bytes_out = 0;
  std::vector<StageCount> counts;  // in the order in which they came up
  std::vector<StageExample> examples;

  void count(std::string_view what, int64_t number);
  // Only the first few examples of a kind are kept.
  bool wants_example(std::string_view what) const;

  bool operator==(const StageReport&) const = default;
};

nlohmann::ordered_json to_json(const StageReport& report);
// Throws Error, or an exception of the parser, for what to_json() has not written.
StageReport stage_report_from(const nlohmann::json& json);

}  // namespace weft::data
