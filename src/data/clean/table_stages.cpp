// The stages of tables: missing values, normalization, one-hot. They change the cells of a row and
// leave its text alone.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/clean/stage_registry.h"
#include "weft/error.h"

namespace weft::data {
namespace {

struct Step {
  size_t column;
  ColumnStatistics statistics;
  std::string note;  // what reports count
};

class TableStage : public Stage {
 public:
  explicit TableStage(std::vector<Step> steps) : steps_(std::move(steps)) {}
  void apply(std::string_view, std::string&, StageResult&) const final {}

 protected:
  const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

class Missing final : public TableStage {
 public:
  using TableStage::TableStage;
  void apply_row(std::span<TableCell> row, StageResult& result) const override {
    for (const Step& step : steps()) {
      TableCell& cell = row[step.column];
      if (!cell.missing) continue;
      if (step.statistics.method == name_of(TableMethod::kDrop)) {
        result.drop(step.note);
        return;
      }
      cell = {.missing = false, .number = step.statistics.fill, .word = step.statistics.fill_word};
      result.row_changed = true;
      result.note(step.note, 1);
    }
  }
};

class Normalize final : public TableStage {
 public:
  using TableStage::TableStage;
  void apply_row(std::span<TableCell> row, StageResult& result) const override {
    for (const Step& step : steps()) {
      const ColumnStatistics& by = step.statistics;
      double& number = row[step.column].number;
      if (number < by.least || number > by.largest) result.note(step.note, 1);
      number = std::clamp((number - by.subtract) / by.divide, -kLargestNumber, kLargestNumber);
    }
    result.row_changed = true;
  }
};

class OneHot final : public TableStage {
 public:
  using TableStage::TableStage;
  void apply_row(std::span<TableCell> row, StageResult& result) const override {
    for (const Step& step : steps()) {
      const std::vector<std::string>& all = step.statistics.categories;
      TableCell& cell = row[step.column];
      const auto found = std::lower_bound(all.begin(), all.end(), cell.word);
      const bool known = found != all.end() && *found == cell.word;
      cell.number = known ? static_cast<double>(found - all.begin()) : -1;
      if (!known) result.note(step.note, 1);
    }
    result.row_changed = true;
  }
};

std::string note_of(const ColumnStatistics& step) {
  const std::string column = step.column + ": ";
  if (step.stage == name_of(StageKind::kNormalize))
    return column + "outside of what the train split has";
  if (step.stage == name_of(StageKind::kOneHot)) return column + "category that is not known";
  if (step.method == name_of(TableMethod::kDrop)) return column + "missing";
  return column + "missing, filled with " +
         (step.fill_word.empty() ? nlohmann::json(step.fill).dump() : step.fill_word);
}

}  // namespace

std::unique_ptr<const Stage> make_table_stage(const StageConfig& config, size_t stage,
                                              const TablePlan& plan,
                                              const std::vector<ColumnStatistics>& statistics) {
  WEFT_ASSERT(statistics.size() == plan.steps.size());
  std::vector<Step> steps;
  for (size_t i = 0; i < plan.steps.size(); ++i)
    if (plan.steps[i].stage == stage)
      steps.push_back({plan.steps[i].column, statistics[i], note_of(statistics[i])});
  if (config.stage == StageKind::kMissing) return std::make_unique<Missing>(std::move(steps));
  if (config.stage == StageKind::kNormalize) return std::make_unique<Normalize>(std::move(steps));
  WEFT_ASSERT(config.stage == StageKind::kOneHot);
  return std::make_unique<OneHot>(std::move(steps));
}

}  // namespace weft::data
