// Protocol Buffers wire format (protobuf_reader.h).
#include "text/protobuf_reader.h"

#include <cstring>

#include "weft/error.h"

namespace weft::text {

void ProtobufReader::fail(const std::string& what) const {
  throw Error(where_ + ": byte " + std::to_string(offset_ + begin_) + ": " + what);
}

uint64_t ProtobufReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (at_ == message_.size()) fail("the file ends within a number");
    const auto byte = static_cast<uint8_t>(message_[at_++]);
    if (shift == 63 && byte > 1) break;
    value |= uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  fail("a number has more than 64 bits");
}

bool ProtobufReader::next() {
  if (at_ == message_.size()) return false;
  begin_ = at_;
  const uint64_t tag = varint();
  if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) fail("there is no field where one must begin");
  number_ = static_cast<uint32_t>(tag >> 3);
  kind_ = static_cast<Kind>(tag & 7);
  size_t size = 0;
  switch (kind_) {
    case Kind::kVarint: value_ = varint(); return true;
    case Kind::kFixed64: size = 8; break;
    case Kind::kFixed32: size = 4; break;
    case Kind::kBytes: {
      const uint64_t given = varint();
      if (given > message_.size() - at_) fail("a field is longer than what is left of the file");
      size = static_cast<size_t>(given);
      break;
    }
    default: fail("field " + std::to_string(number_) + " is of an unknown kind");
  }
  if (size > message_.size() - at_) fail("the file ends within a field");
  bytes_ = message_.substr(at_, size);
  at_ += size;
  return true;
}

void ProtobufReader::expect(Kind kind) const {
  if (kind_ != kind) fail("field " + std::to_string(number_) + " is not of the kind it must be");
}

uint64_t ProtobufReader::integer() const {
  expect(Kind::kVarint);
  return value_;
}

// Negative numbers are written with 64 bits.
int32_t ProtobufReader::int32() const {
  return static_cast<int32_t>(static_cast<uint32_t>(integer()));
}

float ProtobufReader::real() const {
  expect(Kind::kFixed32);
  float value = 0;
  std::memcpy(&value, bytes_.data(), sizeof(value));
  return value;
}

std::string_view ProtobufReader::bytes() const {
  expect(Kind::kBytes);
  return bytes_;
}

ProtobufReader ProtobufReader::message() const {
  const std::string_view inner = bytes();
  return {inner, where_, offset_ + static_cast<size_t>(inner.data() - message_.data())};
}

}  // namespace weft::text
