// The fields of one Protocol Buffers message, one after the other. Every length is checked against
// what is there. Not here: what fields mean (sentencepiece_file.h), groups, writing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::text {

class ProtobufReader {
 public:
  // `offset` is where the message begins in the file, for messages.
  ProtobufReader(std::string_view message, std::string where, size_t offset = 0)
      : message_(message), where_(std::move(where)), offset_(offset) {}
  // The message is only looked at: a string that ends with the expression would be gone before it
  // is read.
  ProtobufReader(std::string&& message, std::string where, size_t offset = 0) = delete;

  // Goes to the next field; false at the end. Throws Error for what is no field. What is not read
  // of a field is skipped.
  bool next();
  uint32_t number() const { return number_; }

  // The value of the field. Throw Error where it is of another kind.
  uint64_t integer() const;
  int32_t int32() const;
  bool flag() const { return integer() != 0; }
  float real() const;
  std::string_view bytes() const;
  ProtobufReader message() const;

  [[noreturn]] void fail(const std::string& what) const;

 private:
  enum class Kind : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  uint64_t varint();
  void expect(Kind kind) const;

  std::string_view message_;
  std::string where_;
  size_t offset_;
  size_t at_ = 0;
  size_t begin_ = 0;  // of the field
  uint32_t number_ = 0;
  Kind kind_ = Kind::kVarint;
  uint64_t value_ = 0;
  std::string_view bytes_;
};

}  // namespace weft::text
