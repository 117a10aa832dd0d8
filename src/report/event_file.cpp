// TensorBoard event files; see event_file.h.
#include "report/event_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <utility>

#include "report/safe_text.h"

namespace weft::report {
namespace {

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    table[byte] = crc;
  }
  return table;
}

// TFRecord's mask: a CRC of bytes that hold a CRC would be a weak one.
uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

template <class Unsigned>
void append_little_endian(std::string& out, Unsigned value) {
  for (size_t i = 0; i < sizeof(value); ++i) out += static_cast<char>((value >> (8 * i)) & 0xFF);
}

// A protocol-buffer message under construction: fields in the order they are added.
class Message {
 public:
  Message& varint(int field, uint64_t value) {
    tag(field, 0);
    append_varint(value);
    return *this;
  }
  Message& real64(int field, double value) {
    tag(field, 1);
    append_little_endian(bytes_, std::bit_cast<uint64_t>(value));
    return *this;
  }
  Message& real32(int field, float value) {
    tag(field, 5);
    append_little_endian(bytes_, std::bit_cast<uint32_t>(value));
    return *this;
  }
  Message& text(int field, std::string_view value) {
    tag(field, 2);
    append_varint(value.size());
    bytes_.append(value);
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void tag(int field, int wire_type) {
    append_varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
  }
  void append_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

// The numbers below are the field numbers of event.proto, summary.proto and tensor.proto.
Message event_at(int64_t step, double wall_time) {
  Message event;
  event.real64(1, wall_time).varint(2, static_cast<uint64_t>(step));
  return event;
}

std::string event_frame(const Message& summary, int64_t step, double wall_time) {
  return tfrecord(event_at(step, wall_time).message(5, Message().message(1, summary)).bytes());
}

// Beyond float's range a value is infinite, as a curve shows it.
float to_float(double value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (value > kLargest) return std::numeric_limits<float>::infinity();
  if (value < -kLargest) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(value);
}

// Four spaces make a line preformatted in Markdown, which is what TensorBoard shows text as.
std::string preformatted(std::string_view text) {
  std::string out = "    ";
  for (const char c : valid_utf8(text)) {
    out += c;
    if (c == '\n') out += "    ";
  }
  return out;
}

std::string name_part(std::string host) {
  std::replace_if(
      host.begin(), host.end(),
      [](char c) {
        const bool is_name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        return !is_name;
      },
      '-');
  return host.substr(0, 64);  // HOST_NAME_MAX of Linux
}

// "train/loss", "eval/perplexity"; empty for what belongs in no curve.
std::string tag_of(std::string_view field) {
  if (field == "wall_time" || field == "eta_seconds") return "";
  if (field.starts_with("eval_")) return "eval/" + std::string(field.substr(5));
  return "train/" + std::string(field);
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = crc_table();
  uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  return ~crc;
}

std::string tfrecord(std::string_view bytes) {
  std::string frame;
  append_little_endian(frame, static_cast<uint64_t>(bytes.size()));
  append_little_endian(frame, masked_crc(frame));
  frame.append(bytes);
  append_little_endian(frame, masked_crc(bytes));
  return frame;
}

EventFile::EventFile(FileSystem& files, Path folder, EventFileOptions options)
    : files_(&files), folder_(std::move(folder)), options_(std::move(options)) {
  options_.host = name_part(options_.host);
  open();
}

// A clock that was set back must not put a new file before an older one: TensorBoard reads them in
// the order of their names.
int64_t EventFile::newest_time() const {
  constexpr std::string_view kBeginning = "events.out.tfevents.";
  constexpr int64_t kNoTime = int64_t{1} << 40;  // a name of someone else's; 30,000 years
  int64_t newest = 0;
  for (const std::string& name : files_->list(folder_)) {
    if (!name.starts_with(kBeginning)) continue;
    int64_t time = 0;
    const char* begin = name.data() + kBeginning.size();
    const auto [end, status] = std::from_chars(begin, name.data() + name.size(), time);
    if (status == std::errc() && time < kNoTime) newest = std::max(newest, time);
  }
  return newest;
}

void EventFile::open() {
  if (const int64_t newest = newest_time(); options_.time <= newest) options_.time = newest + 1;
  for (;; ++options_.time) {
    path_ = folder_ / ("events.out.tfevents." + std::to_string(options_.time) + "." +
                       options_.host + ".weft");
    const FileStatus status = files_->status(path_);
    if (status.kind == FileKind::kMissing && !status.is_link) break;
  }
  out_ = files_->open_for_writing(path_, WriteMode::kNew);
  const double time = static_cast<double>(options_.time);
  std::string header = tfrecord(Message().real64(1, time).text(3, "brain.Event:2").bytes());
  if (options_.resumed_from) {
    constexpr int kSessionLog = 7, kStatus = 1, kStart = 1;
    // Of a START, TensorBoard takes the step as the first one that is told anew.
    header += tfrecord(event_at(*options_.resumed_from + 1, time)
                           .message(kSessionLog, Message().varint(kStatus, kStart))
                           .bytes());
  }
  try {
    write(header);
  } catch (...) {
    remove_unusable();
    throw;
  }
}

// A file without a whole header: on a full disk one would be left by every attempt.
void EventFile::remove_unusable() {
  try {
    files_->remove(path_);
  } catch (const FileError&) {
    // The failed write is what the caller hears of.
  }
}

void EventFile::write(std::string_view frames) {
  try {
    out_->write(frames);
  } catch (...) {
    out_.reset();
    throw;
  }
}

void EventFile::add_scalar(std::string_view tag, double value, int64_t step, double wall_time) {
  if (!out_) open();
  constexpr int kTag = 1, kSimpleValue = 2;
  const Message summary =
      Message().text(kTag, valid_utf8(tag)).real32(kSimpleValue, to_float(value));
  write(event_frame(summary, step, wall_time));
}

void EventFile::add_text(std::string_view tag, std::string_view text, int64_t step,
                         double wall_time) {
  if (!out_) open();
  constexpr int kTag = 1, kTensor = 8, kMetadata = 9;
  constexpr int kPluginData = 1, kPluginName = 1;
  constexpr int kDType = 1, kShape = 2, kStringValues = 8, kDimension = 2, kSize = 1;
  constexpr int kTypeString = 7;
  const Message one_string =
      Message()
          .varint(kDType, kTypeString)
          .message(kShape, Message().message(kDimension, Message().varint(kSize, 1)))
          .text(kStringValues, preformatted(text));
  const Message plugin = Message().message(kPluginData, Message().text(kPluginName, "text"));
  const Message summary = Message()
                              .text(kTag, valid_utf8(tag) + "/text_summary")
                              .message(kTensor, one_string)
                              .message(kMetadata, plugin);
  write(event_frame(summary, step, wall_time));
}

void EventFile::add(const LogRecord& record) {
  const double wall_time = record.wall_time.value_or(static_cast<double>(options_.time));
  record.visit_values([&](std::string_view field, const auto& value) {
    const std::string tag = tag_of(field);
    if (value && !tag.empty()) {
      add_scalar(tag, static_cast<double>(*value), record.step, wall_time);
    }
  });
  for (const std::string& note : record.notes) add_text("notes", note, record.step, wall_time);
  for (const std::string& warning : record.warnings) {
    add_text("warnings", warning, record.step, wall_time);
  }
  for (size_t i = 0; i < record.samples.size(); ++i)
    add_text("sample/" + std::to_string(i), record.samples[i].prompt + record.samples[i].text,
             record.step, wall_time);
}

void EventFile::sync() {
  if (!out_) open();
  out_->sync();
}

}  // namespace weft::report
