// log.jsonl: a run's history, one JSON object a line (log_record.h), written while it runs and
// continued when it resumes. Not here: what else shows the history.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/file_system.h"
#include "report/log_record.h"

namespace weft::report {

// What was done to an existing log before it is continued: worth a note.
struct LogRepair {
  int64_t lines_kept = 0;
  int64_t lines_cut = 0;       // of steps beyond the one resumed from
  bool torn_line_cut = false;  // the last line was incomplete: the process died in its middle
};

// Appends whole lines, each in one write. One thread at a time.
class JsonLog {
 public:
  // Starts a new log. FileError if `file` exists.
  static JsonLog create(FileSystem& files, const Path& file);
  // Continues the log after `step`: lines of later steps and a torn last line are cut off, in one
  // atomic replacement. A missing file is started anew.
  static JsonLog resume(FileSystem& files, const Path& file, int64_t step);

  // FileError if the line cannot be written (a full disk): the run may go on. The line is kept in
  // memory and written before the next one, after what was half written has been taken off.
  void write(const LogRecord& record);
  // Somebody has removed the file: lines that follow would be lost with it.
  bool is_gone() const { return files_->status(file_).kind == FileKind::kMissing; }
  // Makes all lines so far durable. FileError if that fails.
  void sync();
  const LogRepair& repair() const { return repair_; }

 private:
  JsonLog(FileSystem& files, Path file) : files_(&files), file_(std::move(file)) {}
  void flush();
  void reopen();

  FileSystem* files_;
  Path file_;
  std::unique_ptr<WritableFile> out_;  // null after a failed write
  size_t written_ = 0;                 // bytes of the file that are whole lines
  std::string pending_;
  LogRepair repair_;
};

struct LogContents {
  std::vector<LogRecord> records;
  bool torn_last_line = false;         // it was left out
  std::vector<std::string> bad_lines;  // left out too: file, line number, what is wrong with it
};

// The whole log, but for lines that are no log records.
LogContents read_log(const FileSystem& files, const Path& file);

}  // namespace weft::report
