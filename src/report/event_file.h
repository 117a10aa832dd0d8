// TensorBoard event files, written by hand: no protocol-buffer library, no Python. Format: TFRecord
// frames (length, masked CRC-32C of it, bytes, masked CRC-32C of them) of `Event` messages, as in
// TensorFlow's core/lib/io/record_writer.cc and core/util/event.proto. Not here: reading them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/file_system.h"
#include "report/log_record.h"

namespace weft::report {

// CRC-32C (Castagnoli) of RFC 3720.
uint32_t crc32c(std::string_view bytes);

// One TFRecord frame around `bytes`.
std::string tfrecord(std::string_view bytes);

struct EventFileOptions {
  int64_t time = 0;  // seconds since 1970, the file's name: files of one run are read in this order
  std::string host = "localhost";  // of the name; what a file name may not hold becomes '-'
  // The step from which a run goes on: TensorBoard then drops what older files say of later steps.
  std::optional<int64_t> resumed_from = {};
};

// events.out.tfevents.<time>.<host>.weft in a folder. Each record is one write, so that TensorBoard
// may follow and a killed run loses at most the record at hand. A run that resumes starts another
// file beside the old ones. One thread at a time.
class EventFile {
 public:
  // Makes a new file. Its time is raised while a file of that name or of a later time exists.
  EventFile(FileSystem& files, Path folder, EventFileOptions options);

  // Throw FileError if the record cannot be written (a full disk). That record is lost to
  // TensorBoard (log.jsonl keeps it); the next one starts another file, for nothing behind a broken
  // frame can be read.
  void add_scalar(std::string_view tag, double value, int64_t step, double wall_time);
  // Shown as preformatted text, whatever Markdown it looks like.
  void add_text(std::string_view tag, std::string_view text, int64_t step, double wall_time);
  // All values of a record, as train/... and eval/..., and its notes and warnings as text.
  void add(const LogRecord& record);
  void sync();

  const Path& path() const { return path_; }

 private:
  int64_t newest_time() const;
  void open();
  void remove_unusable();
  void write(std::string_view frames);

  FileSystem* files_;
  Path folder_, path_;
  EventFileOptions options_;
  std::unique_ptr<WritableFile> out_;  // null after a failed write
};

}  // namespace weft::report
