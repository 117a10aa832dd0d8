#include "data/spool_log.h"

#include <array>
#include <nlohmann/json.hpp>

#include "data/content_hash.h"

namespace weft::data {
namespace {

// Where an append ended: its length comes before it, so that hashes can be made again.
uint64_t next_hash(uint64_t hash, std::span<const std::byte> bytes) {
  const std::array<uint64_t, 2> pair = {hash, hash64(bytes)};
  return hash64(std::as_bytes(std::span(pair)));
}

}  // namespace

SpoolLog::SpoolLog(FileSystem& files, const Path& folder, std::string name)
    : files_(files), folder_(folder), name_(std::move(name)) {}

std::string SpoolLog::file_name(int64_t number) const {
  return name_ + "-" + std::to_string(number) + ".open";
}

void SpoolLog::append(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const bool fresh = !own_segment_;
  if (fresh) {
    segments_.push_back({.number = next_number_++});
    own_segment_ = true;
  }
  Segment& segment = segments_.back();
  const auto file = files_.open_for_writing(folder_ / file_name(segment.number),
                                            fresh ? WriteMode::kReplace : WriteMode::kAppend);
  const uint64_t size = bytes.size();
  file->write(std::as_bytes(std::span(&size, 1)));
  file->write(bytes);
  file->close();
  segment.bytes += static_cast<int64_t>(sizeof size + bytes.size());
  hash_ = next_hash(hash_, bytes);
}

void SpoolLog::restart() {
  for (const Segment& segment : segments_) old_.push_back(segment.number);
  segments_.clear();
  own_segment_ = false;
  hash_ = 0;
}

void SpoolLog::remove_old() {
  for (const int64_t number : old_) remove_tree(files_, folder_ / file_name(number));
  old_.clear();
}

nlohmann::ordered_json SpoolLog::state() const {
  auto segments = nlohmann::ordered_json::array();
  for (const Segment& segment : segments_)
    segments.push_back({{"number", segment.number}, {"bytes", segment.bytes}});
  return {{"segments", std::move(segments)}, {"next", next_number_}, {"hash", to_hex(hash_)}};
}

std::vector<std::byte> SpoolLog::restore(const nlohmann::json& state) {
  std::vector<std::byte> content;
  for (const auto& item : state.at("segments")) {
    const Segment segment{.number = item.at("number").get<int64_t>(),
                          .bytes = item.at("bytes").get<int64_t>()};
    const auto file =
        files_.open_for_reading(folder_ / file_name(segment.number), ReadFrom::kCache);
    if (file->size() < segment.bytes) throw Error("a saved record is cut short");
    for (int64_t left = segment.bytes; left > 0;) {
      uint64_t size = 0;
      const auto read = [&](std::span<std::byte> room) {
        for (size_t got = 1; !room.empty() && got > 0; room = room.subspan(got))
          got = file->read(room);
        if (!room.empty()) throw Error("a saved record is cut short");
      };
      read(std::as_writable_bytes(std::span(&size, 1)));
      left -= static_cast<int64_t>(sizeof size);
      if (left < 0 || size > static_cast<uint64_t>(left)) throw Error("a saved record is damaged");
      const size_t old_size = content.size();
      content.resize(old_size + size);
      read(std::span(content).subspan(old_size));
      hash_ = next_hash(hash_, std::span(content).subspan(old_size));
      left -= static_cast<int64_t>(size);
    }
    segments_.push_back(segment);
  }
  next_number_ = state.at("next").get<int64_t>();
  if (to_hex(hash_) != state.at("hash").get<std::string>())
    throw Error("a saved record is damaged");
  return content;
}

std::vector<std::string> SpoolLog::file_names() const {
  std::vector<std::string> names;
  for (const Segment& segment : segments_) names.push_back(file_name(segment.number));
  return names;
}

}  // namespace weft::data
