// Adafactor on the CPU; adafactor.h has the formula. Three passes over the gradients: means, the
// update's size, the update. Sums are of floats within a row or a tile, in double beyond.
#include "kernels/optimizer/adafactor.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"
#include "weft/portable_math.h"

#ifndef WEFT_KERNELS_ADAFACTOR_ONCE_
#define WEFT_KERNELS_ADAFACTOR_ONCE_
namespace weft::kernels {
namespace {

// What passes hand on, in parts of the workspace.
struct Between {
  float rest = 0;             // share of the new in a moving mean
  double mean = 0;            // of all rows
  float* sums = nullptr;      // by tile and column
  float* roots_C = nullptr;   // one over the columns' roots
  double* squares = nullptr;  // by tile
};

}  // namespace
}  // namespace weft::kernels
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer/adafactor_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// The new means of a tile of rows, and the sums of their squares by column.
void mean_rows(const Adafactor& a, const Between& b, Tiles rows, int64_t tile) {
  const int64_t C = a.shape.columns;
  float* column_sums_C = b.sums + tile * C;
  const V clip = all(*a.scalars.clip), eps = all(static_cast<float>(a.eps));
  std::fill_n(column_sums_C, C, 0.0f);
  for (int64_t r = rows.begin(tile); r < rows.end(tile); ++r) {
    const float* gradients_C = a.gradients + r * C;
    const float sum = sum_lanes(C, [&](int64_t c, auto e) WEFT_LANES {
      const V g = hn::Mul(clip, load(gradients_C + c, e));
      const V square = hn::MulAdd(g, g, eps);
      store(hn::Add(square, load(column_sums_C + c, e)), column_sums_C + c, e);
      return square;
    });
    a.factors[r] = (1 - b.rest) * a.factors[r] + b.rest * (sum / static_cast<float>(C));
  }
}

// The new means of columns [begin, end) from the sums of all tiles, and one over their roots.
void mean_columns(const Adafactor& a, const Between& b, int64_t begin, int64_t end) {
  const int64_t C = a.shape.columns, tiles = sum_tiles(a.shape.rows).count();
  const V share = all(b.rest / static_cast<float>(a.shape.rows));
  float* columns_C = a.factors + a.shape.rows;
  for_lanes(end - begin, [&](int64_t i, auto e) WEFT_LANES {
    const int64_t c = begin + i;
    V sum = zeros();
    for (int64_t tile = 0; tile < tiles; ++tile) sum = hn::Add(sum, load(b.sums + tile * C + c, e));
    const V mean = hn::MulAdd(all(1 - b.rest), load(columns_C + c, e), hn::Mul(share, sum));
    store(mean, columns_C + c, e);
    store(hn::Div(all(1.0f), hn::Sqrt(mean)), b.roots_C + c, e);
  });
}

// The squares of rows' updates for a rate of 1, before they are bounded.
double matrix_squares(const Adafactor& a, const Between& b, Tiles rows, int64_t tile) {
  const int64_t C = a.shape.columns;
  const V clip = all(*a.scalars.clip);
  double squares = 0;
  for (int64_t r = rows.begin(tile); r < rows.end(tile); ++r) {
    const float sum = sum_lanes(C, [&](int64_t c, auto e) WEFT_LANES {
      const V u = hn::Mul(hn::Mul(clip, load(a.gradients + r * C + c, e)), load(b.roots_C + c, e));
      return hn::Mul(u, u);
    });
    squares += static_cast<double>(sum) * (b.mean / static_cast<double>(a.factors[r]));
  }
  return squares;
}

HWY_INLINE float kept_of_parameters(const Adafactor& a) {
  return static_cast<float>(1 - static_cast<double>(*a.scalars.learning_rate) * a.weight_decay);
}

template <class Extent>
HWY_INLINE void write(const Adafactor& a, int64_t at, V kept, V step, Extent e) {
  const V p = hn::MulSub(kept, load(a.parameters + at, e), step);
  store(p, a.parameters + at, e);
  if (a.copy != nullptr) store(p, a.copy + at, e);
}

// `rate`: of the bounded update.
void update_rows(const Adafactor& a, const Between& b, double rate, Tiles rows, int64_t tile) {
  const int64_t C = a.shape.columns;
  const V kept = all(kept_of_parameters(a));
  const double clipped = rate * static_cast<double>(*a.scalars.clip);
  for (int64_t r = rows.begin(tile); r < rows.end(tile); ++r) {
    const V factor =
        all(static_cast<float>(clipped * std::sqrt(b.mean / static_cast<double>(a.factors[r]))));
    for_lanes(C, [&](int64_t c, auto e) WEFT_LANES {
      const V scaled = hn::Mul(load(a.gradients + r * C + c, e), load(b.roots_C + c, e));
      write(a, r * C + c, kept, hn::Mul(factor, scaled), e);
    });
  }
}

// The new second moments of a vector's elements, and the squares of their updates.
double vector_squares(const Adafactor& a, const Between& b, int64_t begin, int64_t end) {
  const V clip = all(*a.scalars.clip), eps = all(static_cast<float>(a.eps));
  const float sum = sum_lanes(end - begin, [&](int64_t i, auto e) WEFT_LANES {
    const V g = hn::Mul(clip, load(a.gradients + begin + i, e));
    const V old = hn::Mul(all(1 - b.rest), load(a.factors + begin + i, e));
    const V v = hn::MulAdd(all(b.rest), hn::MulAdd(g, g, eps), old);
    store(v, a.factors + begin + i, e);
    return hn::Div(hn::Mul(g, g), v);
  });
  return static_cast<double>(sum);
}

void update_vector(const Adafactor& a, double rate, int64_t begin, int64_t end) {
  const V kept = all(kept_of_parameters(a));
  const V factor = all(static_cast<float>(rate * static_cast<double>(*a.scalars.clip)));
  for_lanes(end - begin, [&](int64_t i, auto e) WEFT_LANES {
    const int64_t at = begin + i;
    const V root = hn::Sqrt(load(a.factors + at, e));
    write(a, at, kept, hn::Mul(factor, hn::Div(load(a.gradients + at, e), root)), e);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(mean_rows);
HWY_EXPORT(mean_columns);
HWY_EXPORT(matrix_squares);
HWY_EXPORT(update_rows);
HWY_EXPORT(vector_squares);
HWY_EXPORT(update_vector);

namespace {

int64_t tile_count(AdafactorShape shape) {
  return shape.is_matrix() ? row_tiles(shape.rows, shape.columns).count()
                           : element_tiles(shape.columns).count();
}

int64_t sums_bytes(AdafactorShape shape) {
  return shape.is_matrix() ? aligned(sum_tiles(shape.rows).count() * shape.columns * 4) : 0;
}
int64_t roots_bytes(AdafactorShape shape) {
  return shape.is_matrix() ? aligned(shape.columns * 4) : 0;
}

// The rate of updates that are bounded by the threshold.
double bounded_rate(const Adafactor& a, const double* squares) {
  double sum = 0;
  for (int64_t tile = 0; tile < tile_count(a.shape); ++tile) sum += squares[tile];
  const double rms = std::sqrt(sum / static_cast<double>(a.shape.elements()));
  return static_cast<double>(*a.scalars.learning_rate) / std::max(1.0, rms / a.clip_threshold);
}

void update_matrix(const Adafactor& a, Between b, const ParallelFor& parallel) {
  const AdafactorShape shape = a.shape;
  const Tiles summed = sum_tiles(shape.rows);
  parallel(summed.count(), [&](int64_t tile, int) {
    HWY_DYNAMIC_DISPATCH(mean_rows)(a, b, summed, tile);
  });
  const Tiles columns = element_tiles(shape.columns);
  parallel(columns.count(), [&](int64_t tile, int) {
    HWY_DYNAMIC_DISPATCH(mean_columns)(a, b, columns.begin(tile), columns.end(tile));
  });
  for (int64_t r = 0; r < shape.rows; ++r) b.mean += static_cast<double>(a.factors[r]);
  b.mean /= static_cast<double>(shape.rows);
  const Tiles rows = row_tiles(shape.rows, shape.columns);
  parallel(rows.count(), [&](int64_t tile, int) {
    b.squares[tile] = HWY_DYNAMIC_DISPATCH(matrix_squares)(a, b, rows, tile);
  });
  const double rate = bounded_rate(a, b.squares);
  parallel(rows.count(), [&](int64_t tile, int) {
    HWY_DYNAMIC_DISPATCH(update_rows)(a, b, rate, rows, tile);
  });
}

void update_elements(const Adafactor& a, const Between& b, const ParallelFor& parallel) {
  const Tiles tiles = element_tiles(a.shape.columns);
  parallel(tiles.count(), [&](int64_t tile, int) {
    b.squares[tile] =
        HWY_DYNAMIC_DISPATCH(vector_squares)(a, b, tiles.begin(tile), tiles.end(tile));
  });
  const double rate = bounded_rate(a, b.squares);
  parallel(tiles.count(), [&](int64_t tile, int) {
    HWY_DYNAMIC_DISPATCH(update_vector)(a, rate, tiles.begin(tile), tiles.end(tile));
  });
}

}  // namespace

int64_t adafactor_workspace(AdafactorShape shape) {
  return sums_bytes(shape) + roots_bytes(shape) +
         aligned(tile_count(shape) * static_cast<int64_t>(sizeof(double)));
}

void adafactor(const Adafactor& a, const ParallelFor& parallel) {
  if (*a.scalars.apply == 0.0f) return;
  auto* memory = static_cast<std::byte*>(a.workspace);
  Between b{.rest = static_cast<float>(
                portable::pow(static_cast<double>(*a.scalars.step), -a.decay_rate))};
  b.sums = reinterpret_cast<float*>(std::exchange(memory, memory + sums_bytes(a.shape)));
  b.roots_C = reinterpret_cast<float*>(std::exchange(memory, memory + roots_bytes(a.shape)));
  b.squares = reinterpret_cast<double*>(memory);
  if (a.shape.is_matrix()) return update_matrix(a, b, parallel);
  update_elements(a, b, parallel);
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
