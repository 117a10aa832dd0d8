// Any bytes as each of the small files in which a run tells of itself: refused with an Error that
// is short and printable, or read; what is read is written, read and written again the same.
#include "core/quote.h"
#include "report/log_record.h"
#include "train/run_state.h"
#include "train/run_status.h"

namespace {

using namespace weft;

template <class Record>
void check(Record (*read)(const std::string& text, const std::string& source),
           const std::string& text) {
  Record record;
  try {
    record = read(text, "fuzz");
  } catch (const Error& error) {
    const std::string_view message = error.what();
    WEFT_ASSERT(message.starts_with("fuzz") && message.size() < 1000);
    WEFT_ASSERT(printable(message) == message);  // nothing that a terminal would obey
    return;
  }
  const std::string written = to_json(record);
  WEFT_ASSERT(to_json(read(written, "again")) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  check<train::RunState>([](auto& t, auto& s) { return train::run_state_from_json(t, s); }, text);
  check<train::RunStatus>([](auto& t, auto& s) { return train::run_status_from_json(t, s); }, text);
  check<report::LogRecord>([](auto& t, auto& s) { return report::log_record_from_json(t, s); },
                           text);
  return 0;
}
