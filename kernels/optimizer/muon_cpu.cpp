// Muon on the CPU; muon.h has the formula. Products are kernels/gemm's; a X is folded into the
// square matrix as a on its diagonal.
#include "kernels/optimizer/muon.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/simd/targets.h"
#include "kernels/simd/tiles.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer/muon_cpu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/simd/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels {
namespace HWY_NAMESPACE {

// The new velocity, and in `direction` what is to be made orthogonal; returns the squares' sum.
double momentum_span(const Muon& m, float* direction, int64_t begin, int64_t end) {
  const V clip = all(*m.scalars.clip), momentum = all(static_cast<float>(m.momentum));
  const V rest = all(static_cast<float>(1 - m.momentum));
  constexpr int64_t kSpan = 512;  // short float sums
  double squares = 0;
  for (int64_t at = begin; at < end; at += kSpan) {
    const float part = sum_lanes(std::min(kSpan, end - at), [&](int64_t i, auto e) WEFT_LANES {
      const V g = hn::Mul(rest, hn::Mul(clip, load(m.gradients + at + i, e)));
      const V velocity = hn::MulAdd(momentum, load(m.velocity + at + i, e), g);
      const V u = m.nesterov ? hn::MulAdd(momentum, velocity, g) : velocity;
      store(velocity, m.velocity + at + i, e);
      store(u, direction + at + i, e);
      return hn::Mul(u, u);
    });
    squares += static_cast<double>(part);
  }
  return squares;
}

void scale_span(float* x, float factor, int64_t begin, int64_t end) {
  for_lanes(end - begin, [&](int64_t i, auto e) WEFT_LANES {
    store(hn::Mul(all(factor), load(x + begin + i, e)), x + begin + i, e);
  });
}

// square = square + b gram, row by row, and a on the diagonal.
void polynomial_rows(const float* gram, float* square, int64_t side, Tiles rows, int64_t tile) {
  constexpr float kA = 3.4445f, kB = -4.7750f;
  for (int64_t r = rows.begin(tile); r < rows.end(tile); ++r) {
    for_lanes(side, [&](int64_t i, auto e) WEFT_LANES {
      const int64_t at = r * side + i;
      store(hn::MulAdd(all(kB), load(gram + at, e), load(square + at, e)), square + at, e);
    });
    square[r * side + r] += kA;
  }
}

void update_span(const Muon& m, const float* direction, float step, int64_t begin, int64_t end) {
  const double rate = static_cast<double>(*m.scalars.learning_rate);
  const V kept = all(static_cast<float>(1 - rate * m.weight_decay)), step_v = all(step);
  for_lanes(end - begin, [&](int64_t i, auto e) WEFT_LANES {
    const int64_t at = begin + i;
    const V p =
        hn::NegMulAdd(step_v, load(direction + at, e), hn::Mul(kept, load(m.parameters + at, e)));
    store(p, m.parameters + at, e);
    if (m.copy != nullptr) store(p, m.copy + at, e);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace weft::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

HWY_EXPORT(momentum_span);
HWY_EXPORT(scale_span);
HWY_EXPORT(polynomial_rows);
HWY_EXPORT(update_span);

namespace {

constexpr float kC = 2.0315f;  // of G^2, in the product itself

bool tall(MuonShape shape) {
  return shape.rows > shape.columns;
}

GemmSpec gram_spec(MuonShape shape) {
  const int64_t side = shape.side();
  return {.m = side,
          .n = side,
          .k = std::max(shape.rows, shape.columns),
          .trans_a = tall(shape),
          .trans_b = !tall(shape)};
}

GemmSpec square_spec(MuonShape shape) {
  return {.m = shape.side(), .n = shape.side(), .k = shape.side()};
}

GemmSpec product_spec(MuonShape shape) {
  return {.m = shape.rows, .n = shape.columns, .k = shape.side()};
}

int64_t floats(int64_t n) {
  return aligned(n * static_cast<int64_t>(sizeof(float)));
}

// The parts of the workspace.
struct Scratch {
  float* x;
  float* next_x;
  float* gram;
  float* square;
  double* partial;  // sums of squares by tile
  std::byte* gemm;

  Scratch(MuonShape shape, std::byte* memory) {
    const auto take = [&memory](int64_t bytes) { return std::exchange(memory, memory + bytes); };
    x = reinterpret_cast<float*>(take(floats(shape.elements())));
    next_x = reinterpret_cast<float*>(take(floats(shape.elements())));
    gram = reinterpret_cast<float*>(take(floats(shape.side() * shape.side())));
    square = reinterpret_cast<float*>(take(floats(shape.side() * shape.side())));
    partial = reinterpret_cast<double*>(take(partial_bytes(shape)));
    gemm = memory;
  }
  static int64_t partial_bytes(MuonShape shape) {
    return aligned(element_tiles(shape.elements()).count() * static_cast<int64_t>(sizeof(double)));
  }
};

// X = u / max(|u|, eps) in s.x.
void start(const Muon& args, MuonShape shape, const Scratch& s, const ParallelFor& parallel) {
  const Tiles tiles = element_tiles(shape.elements());
  parallel(tiles.count(), [&](int64_t tile, int) {
    s.partial[tile] =
        HWY_DYNAMIC_DISPATCH(momentum_span)(args, s.x, tiles.begin(tile), tiles.end(tile));
  });
  double squares = 0;
  for (int64_t tile = 0; tile < tiles.count(); ++tile) squares += s.partial[tile];
  const float factor = static_cast<float>(1 / std::max(std::sqrt(squares), args.eps));
  parallel(tiles.count(), [&](int64_t tile, int) {
    HWY_DYNAMIC_DISPATCH(scale_span)(s.x, factor, tiles.begin(tile), tiles.end(tile));
  });
}

double step_size(const Muon& args, MuonShape shape) {
  const double rows = static_cast<double>(shape.rows), columns = static_cast<double>(shape.columns);
  const double scale = args.match_rms_adamw ? 0.2 * std::sqrt(std::max(rows, columns))
                                            : std::sqrt(std::max(1.0, rows / columns));
  return static_cast<double>(*args.scalars.learning_rate) * scale;
}

}  // namespace

MuonPlan::MuonPlan(MuonShape shape, int workers)
    : shape_(shape),
      gram_(gram_spec(shape), workers),
      square_(square_spec(shape), workers),
      product_(product_spec(shape), workers) {}

int64_t MuonPlan::workspace(MuonShape shape, int workers) {
  const size_t gemm = std::max({GemmPlan::scratch_bytes(gram_spec(shape), workers),
                                GemmPlan::scratch_bytes(square_spec(shape), workers),
                                GemmPlan::scratch_bytes(product_spec(shape), workers)});
  return 2 * floats(shape.elements()) + 2 * floats(shape.side() * shape.side()) +
         Scratch::partial_bytes(shape) + static_cast<int64_t>(gemm);
}

void MuonPlan::execute(const Muon& args, std::byte* workspace, const ParallelFor& parallel) const {
  if (*args.scalars.apply == 0.0f) return;
  Scratch s(shape_, workspace);
  start(args, shape_, s, parallel);
  const int64_t side = shape_.side();
  const Tiles rows = row_tiles(side, side);
  for (int64_t i = 0; i < args.iterations; ++i) {
    gram_.execute({.a = s.x, .b = s.x, .c = s.gram}, s.gemm, parallel);
    square_.execute({.a = s.gram, .b = s.gram, .c = s.square, .alpha = kC}, s.gemm, parallel);
    parallel(rows.count(), [&](int64_t tile, int) {
      HWY_DYNAMIC_DISPATCH(polynomial_rows)(s.gram, s.square, side, rows, tile);
    });
    const float* left = tall(shape_) ? s.x : s.square;
    const float* right = tall(shape_) ? s.square : s.x;
    product_.execute({.a = left, .b = right, .c = s.next_x}, s.gemm, parallel);
    std::swap(s.x, s.next_x);
  }
  const float step = static_cast<float>(step_size(args, shape_));
  const Tiles tiles = element_tiles(shape_.elements());
  parallel(tiles.count(), [&](int64_t tile, int) {
    HWY_DYNAMIC_DISPATCH(update_span)(args, s.x, step, tiles.begin(tile), tiles.end(tile));
  });
}

}  // namespace weft::kernels
#endif  // HWY_ONCE
