#include "data/clean/stage_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace weft::data {
namespace {

constexpr int64_t kExamplesOfAKind = 3;
constexpr size_t kExamples = 24;

}  // namespace

void StageReport::count(std::string_view what, int64_t number) {
  for (StageCount& item : counts)
    if (item.what == what) {
      item.count += number;
      return;
    }
  counts.push_back({std::string(what), number});
}

bool StageReport::wants_example(std::string_view what) const {
  if (examples.size() >= kExamples) return false;
  return std::count_if(examples.begin(), examples.end(), [&](const StageExample& other) {
           return other.what == what;
         }) < kExamplesOfAKind;
}

nlohmann::ordered_json to_json(const StageReport& report) {
  using Json = nlohmann::ordered_json;
  Json counts = Json::array(), examples = Json::array();
  for (const StageCount& item : report.counts)
    counts.push_back({{"what", item.what}, {"count", item.count}});
  for (const StageExample& item : report.examples)
    examples.push_back({{"what", item.what},
                        {"place", item.place},
                        {"before", item.before},
                        {"after", item.after}});
  return {{"stage", report.stage},          {"settings", report.settings},
          {"documents", report.documents},  {"changed", report.changed},
          {"dropped", report.dropped},      {"bytes_in", report.bytes_in},
          {"bytes_out", report.bytes_out},  {"counts", std::move(counts)},
          {"examples", std::move(examples)}};
}

StageReport stage_report_from(const nlohmann::json& json) {
  const auto text = [](const nlohmann::json& from, const char* key) {
    return from.at(key).get<std::string>();
  };
  const auto number = [](const nlohmann::json& from, const char* key) {
    return from.at(key).get<int64_t>();
  };
  StageReport report{.stage = text(json, "stage"),
                     .settings = text(json, "settings"),
                     .documents = number(json, "documents"),
                     .changed = number(json, "changed"),
                     .dropped = number(json, "dropped"),
                     .bytes_in = number(json, "bytes_in"),
                     .bytes_out = number(json, "bytes_out")};
  for (const auto& item : json.at("counts"))
    report.counts.push_back({text(item, "what"), number(item, "count")});
  for (const auto& item : json.at("examples"))
    report.examples.push_back(
        {text(item, "what"), text(item, "place"), text(item, "before"), text(item, "after")});
  return report;
}

}  // namespace weft::data
