// Tables of numbers as NumPy's .npy files, which everyone's tools read and map.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/file_system.h"

namespace weft::data {

// The header of a C-ordered fp32 array [rows, columns], format 1.0: a multiple of 64 bytes
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
std::string npy_header(int64_t rows, int64_t columns);

struct NpySummary {
  int64_t bytes = 0;  // of the file
  uint64_t hash = 0;  // XXH3-64 of it

  bool operator==(const NpySummary&) const = default;
};

// Writes a new file and makes it durable, except for its name. `values` has rows * columns numbers.
NpySummary write_npy(FileSystem& files, const Path& file, std::span<const float> values,
                     int64_t columns);

}  // namespace weft::data
