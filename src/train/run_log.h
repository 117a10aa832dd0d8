// Where a run's records go: log.jsonl, TensorBoard, and whoever watches.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "report/event_file.h"
#include "report/json_log.h"

namespace weft::train {

inline constexpr std::string_view kRunLogFile = "log.jsonl";

// What a run tells while it goes on. Called by the thread that runs the training.
class RunListener {
 public:
  virtual ~RunListener() = default;
  virtual void record(const report::LogRecord& record) = 0;
  virtual void message(const std::string& text) = 0;
};

class RunLog {
 public:
  struct Options {
    Path folder;
    int64_t first_step = 0;  // the step that the run goes on from; later lines of a log are cut
    bool event_files = true;
    RunListener* listener = nullptr;
  };
  RunLog(FileSystem& files, const Options& options);

  // Writes the record everywhere. A log that cannot be written (a full disk) does not stop the
  // training: the listener is told, once for each new reason. One that somebody has removed is
  // written anew from its first line.
  void write(const report::LogRecord& record);
  void message(const std::string& text);
  void sync();

  // Everything logged since the run began, what was read back at a resume included.
  const std::vector<report::LogRecord>& records() const { return records_; }

 private:
  template <class F>
  void guarded(F&& body);
  void restore_if_gone();

  FileSystem& files_;
  Path file_;
  std::optional<report::JsonLog> json_;
  std::optional<report::EventFile> events_;
  RunListener* listener_;
  std::vector<report::LogRecord> records_;
  std::string last_complaint_;
};

}  // namespace weft::train
