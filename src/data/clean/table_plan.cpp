#include "data/clean/table_plan.h"

#include <algorithm>
#include <set>

#include "core/quote.h"
#include "weft/error.h"

namespace weft::data {
namespace {

// Stages of tables come first, so that their statistics are of rows and nothing else.
size_t count_stages(const std::vector<StageConfig>& stages) {
  size_t count = 0;
  while (count < stages.size() && is_of_tables(stages[count].stage)) ++count;
  for (size_t i = count; i < stages.size(); ++i)
    if (is_of_tables(stages[i].stage))
      throw Error("stage " + std::string(name_of(stages[i].stage)) + " stands after " +
                  std::string(name_of(stages[count].stage)) +
                  "; missing, normalize and one_hot come before the stages of text, because their "
                  "statistics are of the rows as they are read");
  return count;
}

class Planner {
 public:
  void add(const StageConfig& stage, size_t index) {
    for (const std::string& name : stage.columns) {
      const size_t column = find(name);
      if (!seen_.insert({stage.stage, column}).second)
        fail(name, "stands in two stages " + std::string(name_of(stage.stage)) + "; name it once");
      const bool fills = stage.stage == StageKind::kMissing;
      if (fills && is_used(column))
        fail(name, "is handled by missing after another stage; put missing first");
      plan_.columns[column].may_be_missing |= fills;
      plan_.columns[column].categorical |= stage.stage == StageKind::kOneHot;
      if (fills) plan_.columns[column].markers = stage.markers;
      plan_.steps.push_back({index, column});
    }
  }
  // With what only the whole list tells.
  TablePlan take(const std::vector<StageConfig>& stages) {
    for (const TableStep& step : plan_.steps) check(stages[step.stage], plan_.columns[step.column]);
    return std::move(plan_);
  }

 private:
  size_t find(const std::string& name) {
    for (size_t i = 0; i < plan_.columns.size(); ++i)
      if (plan_.columns[i].name == name) return i;
    plan_.columns.push_back({.name = name});
    return plan_.columns.size() - 1;
  }
  bool is_used(size_t column) const {
    return seen_.contains({StageKind::kNormalize, column}) ||
           seen_.contains({StageKind::kOneHot, column});
  }
  static void check(const StageConfig& stage, const ColumnSpec& column) {
    if (column.categorical && stage.stage == StageKind::kNormalize)
      fail(column.name, "is normalized and one_hot; a column is a number or a category");
    const bool of_numbers =
        stage.method == TableMethod::kMean || stage.method == TableMethod::kMedian;
    if (column.categorical && of_numbers)
      fail(column.name, "is one_hot and has no " + std::string(name_of(*stage.method)) +
                            "; use missing with method drop or constant");
    if (stage.method == TableMethod::kConstant && !column.categorical && !number_of(*stage.value))
      fail(column.name, "is a number, and the constant " + quote(*stage.value) +
                            " is none; give one of at most 3.4e38");
  }
  [[noreturn]] static void fail(const std::string& name, const std::string& reason) {
    throw Error("stages: column " + quote(name) + " " + reason);
  }

  TablePlan plan_;
  std::set<std::pair<StageKind, size_t>> seen_;
};

}  // namespace

TablePlan plan_tables(const std::vector<StageConfig>& stages) {
  const size_t count = count_stages(stages);
  Planner planner;
  for (size_t i = 0; i < count; ++i) planner.add(stages[i], i);
  TablePlan plan = planner.take(stages);
  plan.stages = count;
  return plan;
}

}  // namespace weft::data
