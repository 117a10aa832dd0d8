// A tensor as it lies in a file, and the conversion of its elements to what Weft computes with.
// Nothing here owns memory or knows a file format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "io/stored_type.h"
#include "weft/shape.h"

namespace weft::io {

// Valid as long as the file that it was taken from is open.
struct TensorView {
  std::string_view name;
  StoredType type = StoredType::kF32;
  std::span<const int64_t> shape;    // outermost first; any rank that the format allows
  std::span<const std::byte> bytes;  // row-major, little-endian; not always aligned

  int64_t elements() const;  // cannot overflow: the reader has checked it
  // Shape and dtype for the graph. Error if Weft has no such type or rank.
  TensorType tensor_type() const;
  std::string to_string() const;  // "'model.norm.weight' BF16[64]"
};

// Bytes that `shape` takes in `type`; nothing if that overflows 63 bits, if a size is negative, or
// if the bits do not fill whole bytes.
std::optional<int64_t> stored_bytes(StoredType type, std::span<const int64_t> shape);

// The elements as floats: F32, F16, BF16 exactly, F64 rounded. `out` has as many elements. Error,
// naming tensor and type, for other types.
void read_floats(const TensorView& tensor, std::span<float> out);
// The same for as many elements as `out` has, from the element `first` on.
void read_floats(const TensorView& tensor, int64_t first, std::span<float> out);

// The elements as integers: BOOL (0 or 1), U8, I8, I16, U16, I32, U32, I64. Error for other types.
void read_integers(const TensorView& tensor, std::span<int64_t> out);

// Writes floats as F32, BF16 or F16, rounded to nearest even; `out` has the bytes of that type.
// Returns how many finite values became infinite (F16 ends at 65504): those the caller must report.
[[nodiscard]] int64_t store_floats(std::span<const float> values, StoredType type,
                                   std::span<std::byte> out);

}  // namespace weft::io
