// log.jsonl; see json_log.h.
#include "report/json_log.h"

#include <optional>
#include <string_view>
#include <utility>

namespace weft::report {
namespace {

constexpr int64_t kLargestLog = int64_t{8} << 30;  // bytes; some 30 million steps

std::optional<LogRecord> parsed(std::string_view line) {
  try {
    return log_record_from_json(line, "log");
  } catch (const Error&) {
    return {};
  }
}

// Position of the last line of `text`, which may lack its newline and is not empty.
size_t last_line(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  const size_t newline = text.rfind('\n');
  return newline == std::string_view::npos ? 0 : newline + 1;
}

// `text` without its last line if that is torn. A torn line has no newline, for lines are written
// with theirs; one that is complete but for the newline is kept and gets it.
std::string without_torn_line(std::string text, LogRepair& repair) {
  if (text.empty() || text.ends_with('\n')) return text;
  const size_t begin = last_line(text);
  if (parsed(std::string_view(text).substr(begin))) return text + '\n';
  repair.torn_line_cut = true;
  text.resize(begin);
  return text;
}

// `text` without the lines at its end that are of steps beyond `step`. Lines are in the order of
// steps, so the first that stays ends the search.
std::string without_later_steps(std::string text, int64_t step, LogRepair& repair) {
  while (!text.empty()) {
    const size_t begin = last_line(text);
    const auto record = parsed(std::string_view(text).substr(begin, text.size() - begin - 1));
    if (record && record->step <= step) break;
    ++repair.lines_cut;
    text.resize(begin);
  }
  return text;
}

std::string location(const Path& file, int64_t line) {
  return file.string() + " line " + std::to_string(line);
}

}  // namespace

JsonLog JsonLog::create(FileSystem& files, const Path& file) {
  JsonLog log(files, file);
  log.out_ = files.open_for_writing(file, WriteMode::kNew);
  return log;
}

JsonLog JsonLog::resume(FileSystem& files, const Path& file, int64_t step) {
  JsonLog log(files, file);
  if (files.status(file).kind != FileKind::kMissing) {
    const std::string old = files.read(file, kLargestLog);
    const std::string kept =
        without_later_steps(without_torn_line(old, log.repair_), step, log.repair_);
    for (const char c : kept) log.repair_.lines_kept += c == '\n' ? 1 : 0;
    if (kept != old) write_file_atomically(files, file, kept);
    log.written_ = kept.size();
  }
  log.out_ = files.open_for_writing(file, WriteMode::kAppend);
  return log;
}

void JsonLog::write(const LogRecord& record) {
  pending_ += to_json(record) + '\n';
  flush();
}

void JsonLog::sync() {
  flush();
  out_->sync();
}

void JsonLog::flush() {
  if (!out_) reopen();
  if (pending_.empty()) return;
  try {
    out_->write(pending_);
  } catch (...) {
    out_.reset();
    throw;
  }
  written_ += pending_.size();
  pending_.clear();
}

// After a failed write, of which any part may be in the file.
void JsonLog::reopen() {
  std::string text = files_->read(file_, kLargestLog);
  if (text.size() > written_) {
    text.resize(written_);
    write_file_atomically(*files_, file_, text);
  }
  out_ = files_->open_for_writing(file_, WriteMode::kAppend);
}

LogContents read_log(const FileSystem& files, const Path& file) {
  const std::string text = files.read(file, kLargestLog);
  LogContents contents;
  std::string_view rest = text;
  for (int64_t line = 1; !rest.empty(); ++line) {
    const size_t newline = rest.find('\n');
    const std::string_view current = rest.substr(0, newline);
    const bool whole = newline != std::string_view::npos;
    if (!whole && !parsed(current)) {
      contents.torn_last_line = true;
      break;
    }
    try {
      contents.records.push_back(log_record_from_json(current, location(file, line)));
    } catch (const Error& error) {
      contents.bad_lines.emplace_back(error.what());
    }
    rest.remove_prefix(whole ? newline + 1 : rest.size());
  }
  return contents;
}

}  // namespace weft::report
