// What tests of cleaning share: one text through one stage.
#pragma once

#include "data/clean/stage_list.h"
#include "tests/core/temporary_folder.h"

namespace weft::data {

struct Cleaned {
  std::string text;  // "" if the text was dropped
  std::string why;   // the first note
  bool changed = false;
  bool dropped = false;
};

inline Cleaned cleaned(const StageConfig& config, std::string text) {
  const StageList stages(real_file_system(), {config});
  StageResults results;
  stages.apply(text, results);
  const StageResult& result = results.entries[0].result;
  return {.text = result.dropped ? "" : text,
          .why = result.notes.empty() ? "" : std::string(result.notes[0].what),
          .changed = result.changed,
          .dropped = result.dropped};
}

// Which of the texts stay when they come in this order.
inline std::vector<bool> kept(const StageConfig& config, const std::vector<std::string>& texts) {
  const StageList stages(real_file_system(), {config});
  StageTally tally(stages);
  std::vector<bool> result;
  for (std::string text : texts) {
    StageResults results;
    stages.apply(text, results);
    result.push_back(tally.admit(results, "place"));
  }
  return result;
}

}  // namespace weft::data
