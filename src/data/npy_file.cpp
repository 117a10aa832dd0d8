#include "data/npy_file.h"

#include "data/content_hash.h"
#include "weft/error.h"

namespace weft::data {

std::string npy_header(int64_t rows, int64_t columns) {
  constexpr size_t kPrefix = 10, kUnit = 64;  // magic, version, length
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) +
                     ", " + std::to_string(columns) + "), }";
  text.append(kUnit - 1 - (kPrefix + text.size()) % kUnit, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(text.size() & 0xFF);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

NpySummary write_npy(FileSystem& files, const Path& file, std::span<const float> values,
                     int64_t columns) {
  WEFT_ASSERT(columns > 0 && static_cast<int64_t>(values.size()) % columns == 0);
  const std::string header = npy_header(static_cast<int64_t>(values.size()) / columns, columns);
  const auto bytes = std::as_bytes(values);
  Hasher64 hasher;
  hasher.add(header);
  hasher.add(bytes);
  const auto out = files.open_for_writing(file, WriteMode::kNew);
  out->write(header);
  out->write(bytes);
  out->sync();
  out->close();
  return {.bytes = static_cast<int64_t>(header.size() + bytes.size()), .hash = hasher.hash()};
}

}  // namespace weft::data
