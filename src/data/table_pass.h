// The first pass of `weft prepare` over tables: what the stages of tables learn from the train
// split. Inputs without such stages have none.
#pragma once

#include <vector>

#include "data/clean/table_statistics.h"
#include "data/prepare_pass.h"

namespace weft::data {

// By step of the plan: recorded ones, where options.column_statistics names a tokens folder, else
// of the rows of the train split, read in order by this thread. `folder` is where medians put what
// they do not keep in memory. Throws Error as TextReader and TableFit do.
std::vector<ColumnStatistics> table_statistics(FileSystem& files, const Path& folder,
                                               const PassOptions& pass);

// Throws Error for inputs that are no tables.
void check_inputs(const InputFiles& inputs);

}  // namespace weft::data
