// Small files that the tests of this folder make and write.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "io/safetensors.h"

namespace weft::io {

// A safetensors file with any header and `data_bytes` bytes of data.
inline std::string safetensors_bytes(std::string_view header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes.append(header).append(data_bytes, '\x01');
}

inline SafetensorsHeader parse(std::string_view bytes) {
  return parse_safetensors(std::as_bytes(std::span(bytes)), "f");
}

// A file of which the bytes stay in memory.
class MemoryFile final : public WritableFile {
 public:
  using WritableFile::write;
  void write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void sync() override {}
  void close() override {}

  std::string text;
};

// A tensor of which every byte is `fill`, written in pieces.
inline TensorToWrite filled_tensor(std::string name, StoredType type, std::vector<int64_t> shape,
                                   char fill) {
  TensorToWrite tensor{
      .name = std::move(name), .type = type, .shape = std::move(shape), .content = {}};
  tensor.content = [fill, bytes = tensor.bytes()](WritableFile& out) {
    const std::string piece(3, fill);
    for (int64_t left = bytes; left > 0; left -= 3)
      out.write(std::string_view(piece).substr(0, static_cast<size_t>(std::min<int64_t>(left, 3))));
  };
  return tensor;
}

inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace weft::io
