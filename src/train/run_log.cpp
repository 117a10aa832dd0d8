#include "train/run_log.h"

#include <unistd.h>

#include <array>
#include <chrono>

#include "core/quote.h"
#include "report/safe_text.h"

namespace weft::train {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

int64_t seconds_since_1970() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// A log without a checkpoint is what a run leaves that is killed before its first one.
RunLog::RunLog(FileSystem& files, const Options& options)
    : files_(files), file_(options.folder / kRunLogFile), listener_(options.listener) {
  const bool goes_on = files.status(file_).kind != FileKind::kMissing;
  json_ = report::JsonLog::resume(files, file_, options.first_step);
  if (goes_on) {
    report::LogContents contents = report::read_log(files, file_);
    records_ = std::move(contents.records);
    for (const std::string& bad : contents.bad_lines)
      message("a line of the log counts not: " + bad);
  }
  if (json_->repair().lines_cut > 0)
    message(std::to_string(json_->repair().lines_cut) + " lines of " + quote_path(file_) +
            " after step " + std::to_string(options.first_step) +
            " were cut off: no checkpoint holds those steps");
  if (options.event_files)
    events_.emplace(
        files, options.folder,
        report::EventFileOptions{
            .time = seconds_since_1970(),
            .host = host_name(),
            .resumed_from = goes_on ? std::optional(options.first_step) : std::nullopt});
}

template <class F>
void RunLog::guarded(F&& body) {
  try {
    body();
  } catch (const FileError& error) {
    if (last_complaint_ == error.what()) return;
    last_complaint_ = error.what();
    message("the log could not be written, training goes on: " + last_complaint_);
  }
}

void RunLog::restore_if_gone() {
  if (!json_->is_gone()) return;
  json_ = report::JsonLog::create(files_, file_);
  message(quote_path(file_) + " was removed while the run goes on; it is written anew");
  for (const report::LogRecord& record : records_) guarded([&] { json_->write(record); });
}

void RunLog::write(const report::LogRecord& record) {
  guarded([&] { restore_if_gone(); });
  records_.push_back(record);
  guarded([&] { json_->write(record); });
  if (events_) guarded([&] { events_->add(record); });
  if (listener_ != nullptr && (record.loss || record.eval_loss)) listener_->record(record);
  for (const report::TextSample& sample : record.samples)
    message("sample at step " + std::to_string(record.step) + ": " +
            report::printable(sample.prompt + sample.text));
}

void RunLog::message(const std::string& text) {
  if (listener_ != nullptr) listener_->message(text);
}

void RunLog::sync() {
  guarded([&] { json_->sync(); });
  if (events_) guarded([&] { events_->sync(); });
}

}  // namespace weft::train
