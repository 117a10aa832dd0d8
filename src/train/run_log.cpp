#include "train/run_log.h"

#include <unistd.h>

#include <array>
#include <chrono>

namespace weft::train {
namespace {

constexpr std::string_view kLogName = "log.jsonl";

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

RunLog::RunLog(FileSystem& files, const Options& options) : listener_(options.listener) {
  const Path file = options.folder / kLogName;
  if (options.resumed_from) {
    json_ = report::JsonLog::resume(files, file, *options.resumed_from);
    records_ = report::read_log(files, file).records;
  } else {
    json_ = report::JsonLog::create(files, file);
  }
  if (options.event_files)
    events_.emplace(files, options.folder,
                    report::EventFileOptions{.time = seconds_since_1970(),
                                             .host = host_name(),
                                             .resumed_from = options.resumed_from});
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

void RunLog::write(const report::LogRecord& record) {
  records_.push_back(record);
  guarded([&] { json_->write(record); });
  if (events_) guarded([&] { events_->add(record); });
  if (listener_ != nullptr) listener_->record(record);
}

void RunLog::text(const std::string& tag, const std::string& text, int64_t step, double wall_time) {
  if (events_) guarded([&] { events_->add_text(tag, text, step, wall_time); });
}

void RunLog::message(const std::string& text) {
  if (listener_ != nullptr) listener_->message(text);
}

void RunLog::sync() {
  guarded([&] { json_->sync(); });
  if (events_) guarded([&] { events_->sync(); });
}

}  // namespace weft::train
