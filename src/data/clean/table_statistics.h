// What stages of tables learn from the train split, and apply to every row: fills, scales and
// categories. Recorded in dataset.json, so that other data can be treated alike.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "data/clean/table_plan.h"
#include "data/exact_median.h"

namespace weft::data {

// Of one column in one stage, a step of the plan. What the stage does not have is zero or empty.
struct ColumnStatistics {
  std::string stage;
  std::string method;  // of missing and normalize
  std::string column;
  int64_t values = 0;     // rows of the train split that came with a value
  int64_t missing = 0;    // and without
  double fill = 0;        // missing: mean, median, constant of a number
  std::string fill_word;  // missing: constant of a category
  // normalize: (x - subtract) / divide; a column of one value has divide 1.
  double subtract = 0;
  double divide = 1;
  double least = 0, largest = 0;        // normalize: of the values
  std::vector<std::string> categories;  // one_hot: sorted by their bytes

  bool operator==(const ColumnStatistics&) const = default;
};

nlohmann::ordered_json to_json(const ColumnStatistics& column);
// Throws Error, or an exception of the parser, for what to_json() has not written.
ColumnStatistics column_statistics_from(const nlohmann::json& json);

// Learns from rows that come in the order of the input. Sums are added in that order (Welford's
// mean and squares, which lose nothing to large offsets), so that threads change nothing. Memory:
// 8 MiB for a median, `most` words for a column of categories. One thread.
class TableFit {
 public:
  // `files` holds what medians do not keep in memory, in `folder`. Both must outlive this.
  TableFit(const TablePlan& plan, const std::vector<StageConfig>& stages, FileSystem& files,
           const Path& folder);
  ~TableFit();
  // `place` names the row in errors. Throws Error for a column of too many categories.
  void add(std::span<const TableCell> row, const std::string& place);
  // By step of the plan. Throws Error for a column without values of which a mean, a median, a
  // scale or categories are wanted.
  std::vector<ColumnStatistics> finish();

 private:
  struct Step;
  bool add_to(Step& step, const TableCell& cell, const std::string& place);
  void finish(Step& step) const;

  const TablePlan& plan_;
  std::vector<Step> steps_;
};

// Throws Error unless these are statistics of this plan's steps; `origin` names where they are
// from.
void check_statistics(const std::vector<ColumnStatistics>& statistics, const TablePlan& plan,
                      const std::vector<StageConfig>& stages, const std::string& origin);

// What a row becomes: a number for each numeric column, and 0 or 1 for each category of the others.
class FeatureLayout {
 public:
  FeatureLayout() = default;
  FeatureLayout(const TablePlan& plan, const std::vector<ColumnStatistics>& statistics);
  // "age", "color=red", ...
  const std::vector<std::string>& names() const { return names_; }
  // Appends names().size() numbers.
  void append(std::span<const TableCell> row, std::vector<float>& out) const;

 private:
  std::vector<std::string> names_;
  std::vector<size_t> widths_;  // by column; 0 for a number
};

}  // namespace weft::data
