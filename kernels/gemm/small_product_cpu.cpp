// Small products on vector lanes. B becomes panels of two vectors of columns, packed one at a time
// into the first-level cache; for each panel, strips of rows of A are multiplied with it, their
// sums in registers.
#include "kernels/gemm/small_product.h"

#include <algorithm>

#include "kernels/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/small_product_cpu.cpp"
#include <hwy/foreach_target.h>  // compiles the rest of this file once per target

#include "kernels/gemm/packing-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

constexpr int64_t kPanel = 2 * kLanes;
// Sums in registers: 24 of AVX-512's 32 vectors, 12 of the 16 that others have.
constexpr int kStrip = kLanes >= 16 ? 12 : 6;
constexpr int64_t kLineFloats = 16;  // of a line of the cache

// Some rows of A times a panel.
template <class Out>
struct Strip {
  const float* a;  // rows of lda
  int64_t lda;
  const float* panel;  // [k, kPanel]
  int64_t k;
  const float* bias;  // of the panel's columns, or null
  Out* c;             // rows of ldc
  int64_t ldc;
};

// What memory holds of the result's rows, and of the strip below, is asked for while this one is
// computed.
template <int kRows, class Out>
HWY_INLINE void prefetch_result(const Strip<Out>& s) {
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    __builtin_prefetch(s.c + r * s.ldc, 1);
    if constexpr (sizeof(Out) == sizeof(float)) __builtin_prefetch(s.c + r * s.ldc + kLanes, 1);
  }
}
template <int kRows, class Out>
HWY_INLINE void prefetch_below(const Strip<Out>& s, int64_t k) {
  const float* below = s.a + kRows * s.lda + k;
  for (int64_t r = 0; r < kRows; ++r) __builtin_prefetch(below + r * s.lda);
}

template <int kRows, int kVectors, class Out, class Extent>
HWY_INLINE void store_sums(const Strip<Out>& s, V (&sums)[kRows][kVectors], Extent last) {
  constexpr int64_t kLast = (kVectors - 1) * kLanes;
  V bias = zeros();
  if constexpr (kVectors == 2) bias = load_or(s.bias, 0, Full(), zeros());
  const V last_bias = load_or(s.bias, kLast, last, zeros());
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    Out* row = s.c + r * s.ldc;
    if constexpr (kVectors == 2) store(hn::Add(sums[r][0], bias), row, Full());
    store(hn::Add(sums[r][kVectors - 1], last_bias), row + kLast, last);
  }
}

template <int kRows, int kVectors, class Out, class Extent>
HWY_INLINE void multiply_strip(const Strip<Out>& s, Extent last) {
  V sums[kRows][kVectors];
  HWY_UNROLL(12)
  for (auto& row : sums) {
    HWY_UNROLL(2)
    for (V& sum : row) sum = zeros();
  }
  // Three rows to a pointer: x86 addresses p, p + lda and p + 2 lda directly.
  const float* rows[(kRows + 2) / 3];
  HWY_UNROLL(4)
  for (int i = 0; i < (kRows + 2) / 3; ++i) rows[i] = s.a + 3 * i * s.lda;
  const float* panel = s.panel;
  prefetch_result<kRows>(s);
  for (int64_t line = 0; line < s.k; line += kLineFloats) {
    prefetch_below<kRows>(s, line);
    const int64_t end = std::min(s.k, line + kLineFloats);
    for (int64_t k = line; k < end; ++k) {
      V b[kVectors];
      HWY_UNROLL(2)
      for (int j = 0; j < kVectors; ++j) b[j] = load(panel + j * kLanes, Full());
      HWY_UNROLL(12)
      for (int r = 0; r < kRows; ++r) {
        const V a = all(rows[r / 3][r % 3 * s.lda]);
        HWY_UNROLL(2)
        for (int j = 0; j < kVectors; ++j) sums[r][j] = hn::MulAdd(a, b[j], sums[r][j]);
      }
      HWY_UNROLL(4)
      for (auto& row : rows) ++row;
      panel += kPanel;
    }
  }
  store_sums<kRows, kVectors>(s, sums, last);
}

template <int kRows, class Out>
void strip_of_rows(const Strip<Out>& s, int64_t columns) {
  if (columns == kPanel) return multiply_strip<kRows, 2>(s, Full());
  if (columns == kLanes) return multiply_strip<kRows, 1>(s, Full());
  if constexpr (kLanes > 1) {  // no other number is below two
    if (columns > kLanes) multiply_strip<kRows, 2>(s, Part{columns - kLanes});
    else multiply_strip<kRows, 1>(s, Part{columns});
  }
}

// The strip at the lower edge: up to kRows rows.
template <int kRows, class Out>
void last_strip(const Strip<Out>& s, int64_t rows, int64_t columns) {
  if constexpr (kRows > 0) {
    if (rows == kRows) strip_of_rows<kRows>(s, columns);
    else last_strip<kRows - 1>(s, rows, columns);
  }
}

template <class Out>
void multiply_panel(Strip<Out> s, int64_t rows, int64_t columns) {
  int64_t row = 0;
  for (; row + kStrip <= rows; row += kStrip) {
    strip_of_rows<kStrip>(s, columns);
    s.a += kStrip * s.lda;
    s.c += kStrip * s.ldc;
  }
  last_strip<kStrip - 1>(s, rows - row, columns);
}

// Columns of B that become a panel.
template <class T>
struct Source {
  const T* b;
  int64_t ldb;
  int64_t k, columns;  // columns of at most kPanel; the panel's others become 0
};

// The first `count` lanes, of which there may be none or too many; the others are 0.
template <class T>
HWY_INLINE V load_up_to(const T* p, int64_t count) {
  if (count >= kLanes) return load(p, Full());
  return count <= 0 ? zeros() : load(p, Part{count});
}

template <class T>
void pack_rows(const Source<T>& s, float* panel) {
  for (int64_t k = 0; k < s.k; ++k, panel += kPanel) {
    const T* row = s.b + k * s.ldb;
    store(load_up_to(row, s.columns), panel, Full());
    store(load_up_to(row + kLanes, s.columns - kLanes), panel + kLanes, Full());
  }
}

template <class T>
void pack_transposed(const Source<T>& s, float* panel) {
  if (s.columns < kPanel) std::fill(panel, panel + s.k * kPanel, 0.0f);
  transpose<T>({s.b, s.ldb, s.columns, s.k, panel, kPanel});
}

struct FloatRows {
  const float* a;
  int64_t lda;
};

// `count` rows of A as float: themselves, or widened into dense rows.
HWY_INLINE FloatRows float_rows(const float* a, const GemmSpec& s, int64_t, float*) {
  return {a, s.lda};
}
HWY_INLINE FloatRows float_rows(const BFloat16* a, const GemmSpec& s, int64_t count, float* wide) {
  copy_rows<BFloat16>({a, s.lda, count, s.k, wide, s.k});
  return {wide, s.k};
}

template <class T, class Out>
void multiply(const GemmSpec& s, const SmallArgs& args) {
  const T* a = static_cast<const T*>(args.a) + args.first_row * s.lda;
  const T* b = static_cast<const T*>(args.b) + args.first_column * (s.trans_b ? s.ldb : 1);
  float* panel = static_cast<float*>(args.scratch);
  const FloatRows rows = float_rows(a, s, args.rows, panel + s.k * kPanel);
  Strip<Out> strip{.a = rows.a, .lda = rows.lda, .panel = panel, .k = s.k, .ldc = args.ldc};
  for (int64_t column = 0; column < args.columns; column += kPanel) {
    const int64_t columns = std::min(kPanel, args.columns - column);
    const Source<T> source{b + (s.trans_b ? column * s.ldb : column), s.ldb, s.k, columns};
    if (s.trans_b) pack_transposed(source, panel);
    else pack_rows(source, panel);
    strip.bias = args.bias == nullptr ? nullptr : args.bias + column;
    strip.c = static_cast<Out*>(args.c) + column;
    multiply_panel(strip, args.rows, columns);
  }
}

template <class T>
void multiply_into(const GemmSpec& spec, const SmallArgs& args) {
  if (args.output == DType::kF32) multiply<T, float>(spec, args);
  else multiply<T, BFloat16>(spec, args);
}

void small_f32(const GemmSpec& spec, const SmallArgs& args) {
  multiply_into<float>(spec, args);
}
void small_bf16(const GemmSpec& spec, const SmallArgs& args) {
  multiply_into<BFloat16>(spec, args);
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {
namespace {

// Borders to packed blocks. Measured against oneDNN's on two cores of an Emerald Rapids Xeon with
// operands in the third-level cache: at k = 128 240 to 290 GFLOP/s against 200 to 270, at k = 256
// 260 against 290, with A transposed 250 against 290.
constexpr int64_t kLargestK = 192;
constexpr int64_t kLargestWeight = 1 << 17;  // elements: half a megabyte
// Tall tiles, so that packing B for each of them does not show; narrow ones, so that small products
// have tiles for all threads.
constexpr int64_t kTileRows = 192, kTileColumns = 64;
constexpr int64_t kWidestPanel = 32;

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace

HWY_EXPORT(small_f32);
HWY_EXPORT(small_bf16);

bool is_small(const GemmSpec& spec) {
  const int64_t columns = spec.gated ? 2 * spec.n : spec.n;
  return !spec.trans_a && spec.k <= kLargestK && spec.k * columns <= kLargestWeight;
}

SmallTile small_tile(const GemmSpec& spec) {
  return {ceil_div(spec.m, ceil_div(spec.m, kTileRows)), std::min(spec.n, kTileColumns)};
}

size_t small_scratch_bytes(const GemmSpec& spec, int64_t rows) {
  const int64_t widened = spec.input == DType::kBF16 ? rows : 0;
  return static_cast<size_t>(spec.k * (kWidestPanel + widened)) * sizeof(float);
}

void multiply_small(const GemmSpec& spec, const SmallArgs& args) {
  if (spec.input == DType::kF32) HWY_DYNAMIC_DISPATCH(small_f32)(spec, args);
  else HWY_DYNAMIC_DISPATCH(small_bf16)(spec, args);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
