// Which stages there are: each is made here from its configuration, and named nowhere else.
#pragma once

#include <memory>

#include "core/file_system.h"
#include "data/clean/stage.h"
#include "data/clean/stage_config.h"
#include "data/clean/table_statistics.h"

namespace weft::data {

// Throws Error for what cannot be done: a file of the configuration that cannot be read, a language
// that is not known, a library that this build lacks.
std::unique_ptr<const Stage> make_stage(const FileSystem& files, const StageConfig& config);

// One for each stage, in the file of its name.
std::unique_ptr<const Stage> make_unicode(const StageConfig& config);
std::unique_ptr<const Stage> make_characters(const StageConfig& config);
std::unique_ptr<const Stage> make_html(const StageConfig& config);
std::unique_ptr<const Stage> make_repeated_lines(const StageConfig& config);
std::unique_ptr<const Stage> make_length(const StageConfig& config);
std::unique_ptr<const Stage> make_gopher_quality(const StageConfig& config);
std::unique_ptr<const Stage> make_gopher_repetition();
std::unique_ptr<const Stage> make_c4(const FileSystem& files, const StageConfig& config);
std::unique_ptr<const Stage> make_language(const StageConfig& config);
std::unique_ptr<const Stage> make_exact_duplicates(const StageConfig& config);
std::unique_ptr<const Stage> make_near_duplicates(const StageConfig& config);
std::unique_ptr<const Stage> make_personal_data(const StageConfig& config);
std::unique_ptr<const Stage> make_decontamination(const FileSystem& files,
                                                  const StageConfig& config);

// Stage `stage` of the list, which is of tables, with what it learned (by step of the plan).
std::unique_ptr<const Stage> make_table_stage(const StageConfig& config, size_t stage,
                                              const TablePlan& plan,
                                              const std::vector<ColumnStatistics>& statistics);

}  // namespace weft::data
