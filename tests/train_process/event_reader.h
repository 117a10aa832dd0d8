// Reads the event files of a run as TensorBoard does: files by name, a torn frame at a file's end
// left out, and steps that a resumed run tells anew dropped from what older files say.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file_system.h"

namespace weft::train {

// One number of a curve.
struct EventPoint {
  int64_t step = 0;
  float value = 0;
  bool operator==(const EventPoint&) const = default;
};

class EventReader {
 public:
  explicit EventReader(const Path& folder) {
    for (const std::string& name : real_file_system().list(folder))
      if (name.starts_with("events.out.tfevents."))
        read_file(read_text_file(folder / name, 1 << 28));
  }
  // By tag, in the order of the files.
  const std::map<std::string, std::vector<EventPoint>>& curves() const { return curves_; }
  int64_t torn_frames() const { return torn_; }

 private:
  using Fields = std::map<int, std::string>;  // of a message: numbers are little-endian bytes

  void read_file(std::string_view bytes) {
    while (!bytes.empty()) {
      uint64_t size = 0;
      if (bytes.size() >= 8) std::memcpy(&size, bytes.data(), 8);
      if (bytes.size() < 16 || bytes.size() - 16 < size) {
        ++torn_;
        return;
      }
      read_event(fields_of(bytes.substr(12, size)));
      bytes.remove_prefix(16 + size);
    }
  }

  void read_event(const Fields& event) {
    constexpr int kStep = 2, kSummary = 5, kSessionLog = 7;
    const int64_t step = event.contains(kStep) ? number<int64_t>(event.at(kStep)) : 0;
    if (event.contains(kSessionLog))
      for (auto& [tag, points] : curves_)
        std::erase_if(points, [&](const EventPoint& point) { return point.step >= step; });
    if (!event.contains(kSummary)) return;
    const Fields summary = fields_of(event.at(kSummary));
    const Fields value = fields_of(summary.at(1));
    if (value.contains(2))
      curves_[value.at(1)].push_back({.step = step, .value = number<float>(value.at(2))});
  }

  template <class T>
  static T number(const std::string& bytes) {
    T value{};
    std::memcpy(&value, bytes.data(), std::min(sizeof(T), bytes.size()));
    return value;
  }

  static uint64_t take_varint(std::string_view& bytes) {
    uint64_t value = 0;
    for (int shift = 0; !bytes.empty() && shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes[0]);
      bytes.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

  static Fields fields_of(std::string_view bytes) {
    Fields fields;
    while (!bytes.empty()) {
      const uint64_t tag = take_varint(bytes);
      const auto field = static_cast<int>(tag >> 3);
      if ((tag & 7) == 0) {
        const uint64_t value = take_varint(bytes);
        fields[field].assign(reinterpret_cast<const char*>(&value), sizeof value);
        continue;
      }
      const size_t size = (tag & 7) == 1 ? 8 : (tag & 7) == 5 ? 4 : take_varint(bytes);
      fields[field] = std::string(bytes.substr(0, size));
      bytes.remove_prefix(std::min(size, bytes.size()));
    }
    return fields;
  }

  std::map<std::string, std::vector<EventPoint>> curves_;
  int64_t torn_ = 0;
};

}  // namespace weft::train
