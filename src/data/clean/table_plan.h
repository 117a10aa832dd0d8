// What a list of stages asks of tables: which columns, which stage does what to which of them. It
// knows no rows.
#pragma once

#include <string>
#include <vector>

#include "data/clean/stage_config.h"
#include "data/table_cells.h"

namespace weft::data {

// One column of one stage.
struct TableStep {
  size_t stage = 0;   // in the list
  size_t column = 0;  // in TablePlan::columns
};

struct TablePlan {
  size_t stages = 0;                // of tables; they are the first of the list
  std::vector<ColumnSpec> columns;  // in the order in which stages name them first
  std::vector<TableStep> steps;     // in the order of stages, and of columns in each

  bool empty() const { return stages == 0; }
};

// Throws Error for a list that contradicts itself: stages of tables after others, a column twice in
// stages of one kind, `missing` after another stage of its column, a column that is both a number
// and a category, a mean or median of categories, a constant that is no number.
TablePlan plan_tables(const std::vector<StageConfig>& stages);

}  // namespace weft::data
