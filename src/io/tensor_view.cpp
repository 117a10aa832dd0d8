#include "io/tensor_view.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/quote.h"

namespace weft::io {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

// Loops run over blocks of this many elements: their constant length lets the compiler vectorise
// them, and a block's copy makes unaligned data aligned.
constexpr size_t kBlock = 64;

// Binary16 to binary32 by selection, without branches and without touching subnormal floats (which
// some threads flush to zero): a subnormal half is its mantissa in units of 2^-24, as is the
// distance of the float with these low bits from 0.5.
float from_half(uint16_t half) {
  const uint32_t magnitude = half & 0x7fffu;
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const float subnormal = std::bit_cast<float>(0x3f000000u | magnitude) - 0.5f;
  const uint32_t normal = (magnitude << 13) + (112u << 23);
  const uint32_t special = normal + (112u << 23);
  const uint32_t finite = magnitude < 0x0400u ? std::bit_cast<uint32_t>(subnormal) : normal;
  return std::bit_cast<float>(sign | (magnitude < 0x7c00u ? finite : special));
}

// Binary32 to binary16, to nearest even; too large becomes infinite, NaN stays NaN.
uint16_t to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t half = 0;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u;
  } else if (magnitude >= 0x477ff000u) {  // 65520 and above
    half = 0x7c00u;
  } else if (magnitude < 0x38800000u) {  // below 2^-14: the addition rounds
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  } else {
    half = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  }
  return static_cast<uint16_t>(sign | half);
}

template <class Stored, class Out, class Convert>
void convert_blocks(std::span<const std::byte> in, std::span<Out> out, Convert convert) {
  WEFT_ASSERT(in.size() == out.size() * sizeof(Stored));
  Stored block[kBlock] = {};
  Out converted[kBlock];
  for (size_t begin = 0; begin < out.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, out.size() - begin);
    std::memcpy(block, in.data() + begin * sizeof(Stored), count * sizeof(Stored));
    for (size_t i = 0; i < kBlock; ++i) converted[i] = convert(block[i]);
    std::memcpy(out.data() + begin, converted, count * sizeof(Out));
  }
}

[[noreturn]] void refuse(const TensorView& tensor, std::string_view purpose,
                         std::string_view allowed) {
  throw Error("tensor " + tensor.to_string() + " cannot be read as " + std::string(purpose) +
              ": its type must be one of " + std::string(allowed) +
              "; convert it with the program that wrote it");
}

template <class Stored>
void widen(const TensorView& tensor, std::span<int64_t> out) {
  convert_blocks<Stored>(tensor.bytes, out, [](Stored v) { return static_cast<int64_t>(v); });
}

// Stores 16-bit floats and counts the finite values that became infinite.
template <class Convert>
int64_t store_16_bits(std::span<const float> values, std::span<std::byte> out, uint16_t infinity,
                      Convert convert) {
  int64_t overflowed = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t stored = convert(values[i]);
    std::memcpy(out.data() + i * sizeof stored, &stored, sizeof stored);
    overflowed += (stored & 0x7fffu) == infinity && std::isfinite(values[i]);
  }
  return overflowed;
}

}  // namespace

int64_t TensorView::elements() const {
  int64_t product = 1;
  for (const int64_t size : shape) product *= size;
  return product;
}

TensorType TensorView::tensor_type() const {
  const std::optional<DType> dtype = dtype_in_memory(type);
  if (!dtype) refuse(*this, "a tensor to compute with", "F32, F16, BF16, F64, I64, I32, U8");
  try {
    return {.dtype = *dtype, .shape = Shape(shape)};
  } catch (const Error& error) {
    throw Error("tensor " + to_string() + ": " + error.what());
  }
}

std::string TensorView::to_string() const {
  std::string text = quote(name) + " " + std::string(name_of(type)) + "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::optional<int64_t> stored_bytes(StoredType type, std::span<const int64_t> shape) {
  int64_t bits = bits_of(type);
  for (const int64_t size : shape)
    if (size < 0 || __builtin_mul_overflow(bits, size, &bits)) return std::nullopt;
  if (bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

void read_floats(const TensorView& tensor, std::span<float> out) {
  WEFT_ASSERT(static_cast<int64_t>(out.size()) == tensor.elements());
  read_floats(tensor, 0, out);
}

void read_floats(const TensorView& tensor, int64_t first, std::span<float> out) {
  const auto bytes_of = [&](size_t elements) {
    return elements * static_cast<size_t>(bits_of(tensor.type)) / 8;
  };
  WEFT_ASSERT(first >= 0 && first + static_cast<int64_t>(out.size()) <= tensor.elements());
  const auto bytes =
      tensor.bytes.subspan(bytes_of(static_cast<size_t>(first)), bytes_of(out.size()));
  const auto from_bits = [](uint16_t bits) {
    return static_cast<float>(BFloat16::from_bits(bits));
  };
  const auto rounded = [](double value) { return static_cast<float>(value); };
  switch (tensor.type) {
    case StoredType::kF32:
      return convert_blocks<float>(bytes, out, [](float value) { return value; });
    case StoredType::kF16: return convert_blocks<uint16_t>(bytes, out, from_half);
    case StoredType::kBF16: return convert_blocks<uint16_t>(bytes, out, from_bits);
    case StoredType::kF64: return convert_blocks<double>(bytes, out, rounded);
    default: refuse(tensor, "numbers", "F32, F16, BF16, F64");
  }
}

void read_integers(const TensorView& tensor, std::span<int64_t> out) {
  const auto truth = [](uint8_t value) { return int64_t{value != 0}; };
  switch (tensor.type) {
    case StoredType::kBool: return convert_blocks<uint8_t>(tensor.bytes, out, truth);
    case StoredType::kU8: return widen<uint8_t>(tensor, out);
    case StoredType::kI8: return widen<int8_t>(tensor, out);
    case StoredType::kI16: return widen<int16_t>(tensor, out);
    case StoredType::kU16: return widen<uint16_t>(tensor, out);
    case StoredType::kI32: return widen<int32_t>(tensor, out);
    case StoredType::kU32: return widen<uint32_t>(tensor, out);
    case StoredType::kI64: return widen<int64_t>(tensor, out);
    default: refuse(tensor, "integers", "BOOL, U8, I8, I16, U16, I32, U32, I64");
  }
}

int64_t store_floats(std::span<const float> values, StoredType type, std::span<std::byte> out) {
  WEFT_ASSERT(out.size() * 8 == values.size() * static_cast<size_t>(bits_of(type)));
  if (type == StoredType::kBF16)
    return store_16_bits(values, out, 0x7f80u, [](float v) { return BFloat16(v).bits; });
  if (type == StoredType::kF16) return store_16_bits(values, out, 0x7c00u, to_half);
  WEFT_ASSERT(type == StoredType::kF32);
  std::ranges::copy(std::as_bytes(values), out.begin());
  return 0;
}

}  // namespace weft::io
