// Element types as files name them. Files hold more types than Weft computes with; all that the
// safetensors format knows are recognised and sized, so that a file with a few of them still opens.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "weft/dtype.h"

namespace weft::io {

enum class StoredType : uint8_t {
  kBool,
  kF4,
  kF6E2M3,
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3FNUZ,
  kF8E5M2FNUZ,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
};
inline constexpr int kStoredTypes = static_cast<int>(StoredType::kU64) + 1;

// "BF16": the word in a safetensors header.
std::string_view name_of(StoredType type);
// Nothing for a word that the format does not know.
std::optional<StoredType> stored_type_named(std::string_view name);
// Bits of one element: 4 to 64.
int bits_of(StoredType type);

StoredType stored_type_of(DType dtype);
// The type in memory with the same bits; nothing for those that Weft does not compute with.
std::optional<DType> dtype_in_memory(StoredType type);

}  // namespace weft::io
