// What fuzz targets of readers share: any bytes as a file, read by every policy. Properties: no
// crash, an Error or documents; documents are UTF-8 without NUL, their pieces no longer than asked,
// and leaving bad records out is never an error.
#pragma once

#include <cmath>

#include "data/text_reader.h"
#include "memory_file.h"

namespace weft::data {

inline void read_all(const FileSystem& files, const InputFile& file, const TextOptions& options) {
  const InputFiles inputs{.files = {file}, .bytes = file.size};
  TextReader reader(files, inputs, options);
  bool open = false;
  for (TextPiece piece; reader.next(piece);) {
    WEFT_ASSERT(!piece.text.empty());
    WEFT_ASSERT(static_cast<int64_t>(piece.text.size()) <= 3 * options.piece_bytes);
    WEFT_ASSERT(first_invalid_utf8(piece.text) == kAllValid);
    WEFT_ASSERT(piece.begins_document || open);
    WEFT_ASSERT(piece.cells.size() == options.columns.size());
    for (const TableCell& cell : piece.cells) {
      WEFT_ASSERT(std::abs(cell.number) <= kLargestNumber);
      WEFT_ASSERT(first_invalid_utf8(cell.word) == kAllValid);
    }
    open = !piece.ends_document;
  }
}

inline void read_by_every_policy(const FileSystem& files, const InputFile& file,
                                 TextOptions options) {
  for (const InvalidUtf8 invalid :
       {InvalidUtf8::kError, InvalidUtf8::kReplace, InvalidUtf8::kSkip}) {
    options.invalid_utf8 = invalid;
    options.bad_input = BadInput::kSkip;
    read_all(files, file, options);
    options.bad_input = BadInput::kStop;
    try {
      read_all(files, file, options);
    } catch (const Error&) {
    }
  }
}

inline void fuzz_records(const uint8_t* bytes, size_t size, std::initializer_list<InputKind> kinds,
                         const std::string& field, const std::vector<ColumnSpec>& columns = {}) {
  const std::string content(reinterpret_cast<const char*>(bytes), size);
  const MemoryFile files(content);
  for (const InputKind kind : kinds)
    read_by_every_policy(
        files, {.path = "fuzz", .kind = kind, .size = static_cast<int64_t>(content.size())},
        {.text_field = field, .piece_bytes = 16, .max_line_bytes = 256, .columns = columns});
}

}  // namespace weft::data
