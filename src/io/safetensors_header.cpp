// The strict parser of a safetensors header.
#include <algorithm>
#include <cstring>
#include <tuple>

#include "core/quote.h"
#include "core/strict_json.h"
#include "io/foreign_format.h"
#include "io/safetensors.h"

namespace weft::io {
namespace {

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kLargestHeader = 100'000'000;  // as in the reference implementation
// Above anything in use; they keep the memory for a header in proportion to its size.
constexpr size_t kLargestRank = 16;
constexpr size_t kMostMetadata = 10'000;
constexpr size_t kMostTensors = 100'000;
constexpr int64_t kLongestString = int64_t{8} << 20;

// Collects entries while the header is parsed, so that no document is held in memory.
class HeaderEvents final : public JsonEvents {
 public:
  explicit HeaderEvents(SafetensorsHeader& header) : header_(header) {}

  void null() override {
    if (place_ != Place::kMetadataStart) unexpected("null");
    place_ = Place::kTop;  // some writers put null where they have no metadata
  }

  void integer(int64_t value) override {
    if (place_ != Place::kShape && place_ != Place::kOffsets) unexpected("a number");
    if (value < 0) throw Error("the number " + std::to_string(value) + " is negative");
    if (place_ == Place::kShape) {
      if (entry().shape.size() == kLargestRank)
        throw Error("a shape with more than " + std::to_string(kLargestRank) + " sizes");
      entry().shape.push_back(value);
      return;
    }
    if (offsets_ == 2) throw Error("data_offsets has more than two numbers");
    (offsets_++ == 0 ? entry().begin : entry().end) = value;
  }

  void string(std::string& text) override {
    if (place_ == Place::kMetadataValue) {
      *metadata_value_ = std::move(text);
      place_ = Place::kMetadata;
      return;
    }
    if (place_ != Place::kType) unexpected("a string");
    const std::optional<StoredType> type = stored_type_named(text);
    if (!type) throw Error("unknown dtype " + quote(text) + " of tensor " + quote(entry().name));
    entry().type = *type;
    place_ = Place::kTensor;
  }

  void key(std::string& name) override {
    if (place_ == Place::kMetadata) return metadata_key(name);
    if (place_ == Place::kTensor) return field(name);
    if (name == "__metadata__") {
      if (has_metadata_) throw Error("__metadata__ appears twice");
      has_metadata_ = true;
      place_ = Place::kMetadataStart;
      return;
    }
    if (header_.entries.size() == kMostTensors)
      throw Error("more than " + std::to_string(kMostTensors) + " tensors");
    header_.entries.emplace_back().name = std::move(name);
    place_ = Place::kTensorStart;
  }

  void start_object() override {
    switch (place_) {
      case Place::kStart: place_ = Place::kTop; return;
      case Place::kMetadataStart: place_ = Place::kMetadata; return;
      case Place::kTensorStart:
        place_ = Place::kTensor;
        has_type_ = has_shape_ = has_offsets_ = false;
        return;
      default: unexpected("an object");
    }
  }

  void end_object() override {
    if (place_ == Place::kTensor && !(has_type_ && has_shape_ && has_offsets_))
      throw Error("tensor " + quote(entry().name) + " lacks dtype, shape or data_offsets");
    place_ = Place::kTop;
  }

  void start_array() override {
    if (place_ != Place::kShapeStart && place_ != Place::kOffsetsStart) unexpected("an array");
    place_ = place_ == Place::kShapeStart ? Place::kShape : Place::kOffsets;
    offsets_ = 0;
  }

  void end_array() override {
    if (place_ == Place::kOffsets && offsets_ != 2)
      throw Error("data_offsets of tensor " + quote(entry().name) + " needs two numbers");
    place_ = Place::kTensor;
  }

 private:
  // What stands around the next event. The ...Start places wait for the opening bracket.
  enum class Place {
    kStart,
    kTop,
    kMetadataStart,
    kMetadata,
    kMetadataValue,
    kTensorStart,
    kTensor,
    kType,
    kShapeStart,
    kShape,
    kOffsetsStart,
    kOffsets,
  };

  SafetensorsEntry& entry() { return header_.entries.back(); }

  void metadata_key(std::string& name) {
    if (header_.metadata.size() == kMostMetadata)
      throw Error("more than " + std::to_string(kMostMetadata) + " entries in __metadata__");
    const auto [at, is_new] = header_.metadata.try_emplace(std::move(name));
    if (!is_new) throw Error("the key " + quote(at->first) + " appears twice in __metadata__");
    metadata_value_ = &at->second;
    place_ = Place::kMetadataValue;
  }

  void field(const std::string& name) {
    if (name == "dtype") return once(has_type_, name, Place::kType);
    if (name == "shape") return once(has_shape_, name, Place::kShapeStart);
    if (name == "data_offsets") return once(has_offsets_, name, Place::kOffsetsStart);
    throw Error("unknown key " + quote(name) + " in tensor " + quote(entry().name) +
                "; allowed are dtype, shape, data_offsets");
  }

  void once(bool& seen, const std::string& name, Place next) {
    if (seen) throw Error(name + " appears twice in tensor " + quote(entry().name));
    seen = true;
    place_ = next;
  }

  SafetensorsHeader& header_;
  Place place_ = Place::kStart;
  std::string* metadata_value_ = nullptr;
  bool has_metadata_ = false, has_type_ = false, has_shape_ = false, has_offsets_ = false;
  int offsets_ = 0;
};

int64_t header_length(std::string_view text, const std::string& source) {
  const auto size = static_cast<int64_t>(text.size());
  if (size < kLengthBytes)
    throw Error(source + ": " + std::to_string(size) +
                " bytes are no safetensors file; it is cut short or empty");
  uint64_t length = 0;
  std::memcpy(&length, text.data(), kLengthBytes);
  if (length > static_cast<uint64_t>(kLargestHeader))
    throw Error(source + ": the header would have " + std::to_string(length) + " bytes, at most " +
                std::to_string(kLargestHeader) + " are allowed; this is no safetensors file");
  if (static_cast<int64_t>(length) > size - kLengthBytes)
    throw Error(source + ": the header's " + std::to_string(length) +
                " bytes do not fit the file of " + std::to_string(size) +
                " bytes; it is cut short or no safetensors file");
  if (length == 0 || text[kLengthBytes] != '{')
    throw Error(source + ": the header does not begin with '{'; this is no safetensors file");
  return static_cast<int64_t>(length);
}

void refuse_equal_names(const std::vector<SafetensorsEntry>& entries, const std::string& source) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end())
    throw Error(source + ": there are two tensors of the name " + quote(*twice));
}

// Checks one entry, of which the data should begin at `expected`.
void check_entry(const SafetensorsEntry& entry, int64_t expected, const std::string& source) {
  const std::string tensor = source + ": tensor " + quote(entry.name);
  if (entry.begin != expected)
    throw Error(tensor + " begins at byte " + std::to_string(entry.begin) + " of the data, " +
                (entry.begin > expected ? "after a hole from" : "inside another, which ends at") +
                " byte " + std::to_string(expected));
  const std::optional<int64_t> bytes = stored_bytes(entry.type, entry.shape);
  if (!bytes)
    throw Error(tensor + " has an impossible shape: its size overflows or ends inside a byte");
  if (entry.end < entry.begin || entry.end - entry.begin != *bytes)
    throw Error(tensor + " needs " + std::to_string(*bytes) +
                " bytes for its shape, but its data_offsets are [" + std::to_string(entry.begin) +
                ", " + std::to_string(entry.end) + "]");
}

void check_layout(const SafetensorsHeader& header, int64_t data_bytes, const std::string& source) {
  int64_t expected = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    check_entry(entry, expected, source);
    expected = entry.end;
  }
  if (expected != data_bytes)
    throw Error(source + ": the tensors end at byte " + std::to_string(expected) +
                " of the data, the file at byte " + std::to_string(data_bytes) +
                "; it is cut short or has something else appended");
}

}  // namespace

SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& source) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const std::string other = foreign_format(text);
  if (!other.empty()) throw Error(source + ": this is " + other);
  const int64_t length = header_length(text, source);
  SafetensorsHeader header;
  HeaderEvents events(header);
  parse_json_events(
      text.substr(kLengthBytes, static_cast<size_t>(length)), source + ": header",
      {.bytes = kLargestHeader, .depth = 3, .values = kLargestHeader, .string = kLongestString},
      events);
  header.data_begin = kLengthBytes + length;
  refuse_equal_names(header.entries, source);
  std::sort(header.entries.begin(), header.entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  check_layout(header, static_cast<int64_t>(file.size()) - header.data_begin, source);
  return header;
}

}  // namespace weft::io
