// The configured stages, in their order. A text is run through all of them by any thread; then, in
// the order of the documents, one thread decides: the memories of duplicates are asked, and counts
// and examples taken, as if each document had gone through alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "data/clean/stage.h"
#include "data/clean/stage_config.h"
#include "data/clean/stage_report.h"
#include "data/clean/table_statistics.h"

namespace weft::data {

// What the stages did with one text. Its memory is used again.
struct StageResults {
  struct Entry {
    StageResult result;
    int64_t bytes_in = 0;
    int64_t bytes_out = 0;
  };
  std::vector<Entry> entries;  // by stage; the first `reached` are in use
  size_t reached = 0;
  bool dropped() const { return reached > 0 && entries[reached - 1].result.dropped; }
};

// Immutable once its statistics are set: threads may share it.
class StageList {
 public:
  // Throws Error as plan_tables() and make_stage() do.
  StageList(const FileSystem& files, const std::vector<StageConfig>& configs);
  bool empty() const { return stages_.empty(); }
  size_t size() const { return stages_.size(); }
  bool has_stage(size_t index) const { return stages_[index] != nullptr; }
  const Stage& stage(size_t index) const { return *stages_[index]; }
  // What is asked of tables. If that is not nothing, set_statistics() comes before apply().
  const TablePlan& tables() const { return tables_; }
  // By step of tables().
  void set_statistics(std::vector<ColumnStatistics> statistics);
  const std::vector<ColumnStatistics>& statistics() const { return statistics_; }
  const FeatureLayout& features() const { return features_; }
  // All zeros, to be counted into.
  const std::vector<StageReport>& empty_reports() const { return reports_; }

  // Runs `text`, and the cells of its row, through the stages, up to one that drops it. A text of
  // which nothing is left is dropped.
  void apply(std::string& text, std::span<TableCell> row, StageResults& results) const;
  void apply(std::string& text, StageResults& results) const { apply(text, {}, results); }

 private:
  std::vector<StageConfig> configs_;
  TablePlan tables_;
  std::vector<ColumnStatistics> statistics_;
  FeatureLayout features_;
  std::vector<std::unique_ptr<const Stage>> stages_;
  std::vector<StageReport> reports_;
};

// Decides in the order of the documents. One thread.
class StageTally {
 public:
  explicit StageTally(const StageList& stages);

  // Whether the document stays; counts what was done to it. `place` names it in examples.
  bool admit(const StageResults& results, const std::string& place);
  const std::vector<StageReport>& reports() const { return reports_; }

  // What must be kept to go on after an interruption, besides the reports: the keys of the
  // documents that each memory admitted, as taken since the last call.
  std::vector<std::vector<uint64_t>> take_new_keys();
  // How many keys wait for take_new_keys().
  size_t new_key_count() const;
  // The reverse: reports, and all keys that take_new_keys() gave, in their order. Throws Error for
  // what is of other stages or damaged.
  void restore(std::vector<StageReport> reports, const std::vector<std::vector<uint64_t>>& keys);

 private:
  bool decide(size_t stage, const StageResults::Entry& entry, const std::string& place);

  std::vector<std::unique_ptr<StageMemory>> memories_;
  std::vector<StageReport> reports_;
  std::vector<std::vector<uint64_t>> new_keys_;  // of each document: their number, then they
};

}  // namespace weft::data
