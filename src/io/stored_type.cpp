#include "io/stored_type.h"

#include <array>

#include "weft/error.h"

namespace weft::io {
namespace {

struct Row {
  std::string_view name;
  int bits;
  std::optional<DType> dtype = std::nullopt;
};

// In the order of the enumeration.
constexpr std::array<Row, kStoredTypes> kRows = {{
    {"BOOL", 8},
    {"F4", 4},
    {"F6_E2M3", 6},
    {"F6_E3M2", 6},
    {"U8", 8, DType::kU8},
    {"I8", 8},
    {"F8_E5M2", 8},
    {"F8_E4M3", 8},
    {"F8_E8M0", 8},
    {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8},
    {"I16", 16},
    {"U16", 16},
    {"F16", 16, DType::kF16},
    {"BF16", 16, DType::kBF16},
    {"I32", 32, DType::kI32},
    {"U32", 32},
    {"F32", 32, DType::kF32},
    {"C64", 64},
    {"F64", 64, DType::kF64},
    {"I64", 64, DType::kI64},
    {"U64", 64},
}};

const Row& row(StoredType type) {
  return kRows[static_cast<size_t>(type)];
}

}  // namespace

std::string_view name_of(StoredType type) {
  return row(type).name;
}

int bits_of(StoredType type) {
  return row(type).bits;
}

std::optional<DType> dtype_in_memory(StoredType type) {
  return row(type).dtype;
}

std::optional<StoredType> stored_type_named(std::string_view name) {
  for (size_t i = 0; i < kRows.size(); ++i)
    if (kRows[i].name == name) return static_cast<StoredType>(i);
  return std::nullopt;
}

StoredType stored_type_of(DType dtype) {
  size_t i = 0;
  while (kRows[i].dtype != dtype) WEFT_ASSERT(++i < kRows.size());
  return static_cast<StoredType>(i);
}

}  // namespace weft::io
