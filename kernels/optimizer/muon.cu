// Muon on one matrix on a GPU; muon.h has the formula.
//
//   u: new velocity and direction, with blocks' sums of squares     reads 2, writes 2 floats
//   X = u factor                                                    a pass over X
//   per iteration: G = X X^T, S = c G G, S += b G + a I, X = S X    three products in float
//   p = p kept - step X                                             a pass over p
// Where there are more rows than columns, G = X^T X and X = X S. Products are gemm_f32.cu's.
//
// Numerics: float; squares are summed in double in an order that the shape fixes. Where *apply is
// 0, X is 0, so that the products are of zeros, and neither velocity nor parameters change.
//
// Time: the products. 2 side (2 elements + side^2) operations an iteration: GPT-2 124M's matrices
// take 1.6 TFLOP a step, 0.05 s at the 31 TFLOP/s that gemm_f32.cu's model gives on an H200.
#include <cmath>

#include "kernels/cuda/block_sum.h"
#include "kernels/elementwise/vectors.h"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/optimizer/optimizer_cuda.h"

namespace weft::kernels {
namespace {

using namespace cuda;

constexpr float kA = 3.4445f, kB = -4.7750f, kC = 2.0315f;

bool tall(MuonShape shape) {
  return shape.rows > shape.columns;
}

// The parts of the workspace, each beginning at a multiple of 64 bytes.
struct Scratch {
  float *x, *next_x, *gram, *square, *factor;
  double* partial;

  Scratch(MuonShape shape, void* workspace) {
    auto* at = static_cast<std::byte*>(workspace);
    const auto take = [&at](int64_t bytes) {
      std::byte* part = at;
      at += workspace_part(bytes);
      return part;
    };
    x = reinterpret_cast<float*>(take(shape.elements() * 4));
    next_x = reinterpret_cast<float*>(take(shape.elements() * 4));
    gram = reinterpret_cast<float*>(take(shape.side() * shape.side() * 4));
    square = reinterpret_cast<float*>(take(shape.side() * shape.side() * 4));
    factor = reinterpret_cast<float*>(take(4));
    partial = reinterpret_cast<double*>(take(muon_blocks(shape) * 8));
  }
};

struct Momentum {
  Muon a;
  int64_t N;
  float* direction;
  double* partial;  // by block
};

WEFT_KERNEL(kElementThreads) momentum_kernel(Momentum w) {
  const bool apply = load(w.a.scalars.apply) != 0.0f;
  const float clip = load(w.a.scalars.clip), momentum = static_cast<float>(w.a.momentum);
  const float rest = static_cast<float>(1 - w.a.momentum);
  const int64_t step = static_cast<int64_t>(grid_size().x) * thread_count();
  double squares = 0;
  for (int64_t i = first_element<1>(); i < w.N; i += step) {
    float u = 0.0f;
    if (apply) {
      const float g = rest * clip * load(w.a.gradients + i);
      const float velocity = momentum * load(w.a.velocity + i) + g;
      store(w.a.velocity + i, velocity);
      u = w.a.nesterov ? momentum * velocity + g : velocity;
    }
    store(w.direction + i, u);
    squares += static_cast<double>(u) * u;
  }
  squares = sum_of_block(squares);
  if (thread_index() == 0) store(w.partial + block_index().x, squares);
}

struct Factor {
  const double* partial;
  int64_t blocks;
  double eps;
  float* factor;
};

WEFT_KERNEL(kElementThreads) factor_kernel(Factor w) {
  double sum = 0;
  for (int64_t i = thread_index(); i < w.blocks; i += thread_count()) sum += load(w.partial + i);
  sum = sum_of_block(sum);
  if (thread_index() != 0) return;
  const double norm = sqrt(sum);
  store(w.factor, static_cast<float>(1 / (norm > w.eps ? norm : w.eps)));
}

struct ScaleBy {
  float* x;
  const float* factor;
  int64_t N;
};

WEFT_KERNEL(kElementThreads) scale_kernel(ScaleBy w) {
  const int64_t i = first_element<1>();
  if (i < w.N) store(w.x + i, load(w.x + i) * load(w.factor));
}

struct Polynomial {
  const float* gram;
  float* square;
  int64_t side;
};

WEFT_KERNEL(kElementThreads) polynomial_kernel(Polynomial w) {
  const int64_t i = first_element<1>();
  if (i >= w.side * w.side) return;
  const float diagonal = i / w.side == i % w.side ? kA : 0.0f;
  store(w.square + i, kB * load(w.gram + i) + load(w.square + i) + diagonal);
}

struct Apply {
  Muon a;
  const float* direction;
  int64_t N;
  double scale;  // of the learning rate
};

WEFT_KERNEL(kElementThreads) apply_kernel(Apply w) {
  if (load(w.a.scalars.apply) == 0.0f) return;
  const int64_t i = first_element<1>();
  if (i >= w.N) return;
  const double rate = load(w.a.scalars.learning_rate);
  const float kept = static_cast<float>(1 - rate * w.a.weight_decay);
  const float step = static_cast<float>(rate * w.scale);
  const float p = kept * load(w.a.parameters + i) - step * load(w.direction + i);
  store(w.a.parameters + i, p);
  if (w.a.copy != nullptr) store(w.a.copy + i, to_bfloat16(p));
}

double step_scale(const Muon& a, MuonShape shape) {
  const double rows = static_cast<double>(shape.rows), columns = static_cast<double>(shape.columns);
  if (a.match_rms_adamw) return 0.2 * std::sqrt(rows > columns ? rows : columns);
  return std::sqrt(rows > columns ? rows / columns : 1.0);
}

// X = u / max(|u|, eps).
void begin(Stream stream, const MuonOnDevice& call, const Scratch& s) {
  const int64_t n = call.shape.elements(), blocks = muon_blocks(call.shape);
  Launch sums{.grid = {static_cast<unsigned>(blocks)},
              .threads = kElementThreads,
              .shared_bytes = kElementThreads * sizeof(double),
              .name = "muon_momentum"};
  launch(stream, sums, momentum_kernel, Momentum{call.args, n, s.x, s.partial});
  sums.grid.x = 1;
  sums.name = "muon_factor";
  launch(stream, sums, factor_kernel, Factor{s.partial, blocks, call.args.eps, s.factor});
  launch(stream, over_elements(n, 1, "muon_scale"), scale_kernel, ScaleBy{s.x, s.factor, n});
}

// The next X in s.next_x.
void iterate(Stream stream, MuonShape shape, const Scratch& s) {
  const int64_t side = shape.side(), longer = tall(shape) ? shape.rows : shape.columns;
  gemm_f32(stream,
           {.m = side, .n = side, .k = longer, .trans_a = tall(shape), .trans_b = !tall(shape)},
           {.a = s.x, .b = s.x, .c = s.gram});
  gemm_f32(stream, {.m = side, .n = side, .k = side},
           {.a = s.gram, .b = s.gram, .c = s.square, .alpha = kC});
  launch(stream, over_elements(side * side, 1, "muon_polynomial"), polynomial_kernel,
         Polynomial{s.gram, s.square, side});
  gemm_f32(stream, {.m = shape.rows, .n = shape.columns, .k = side},
           {.a = tall(shape) ? s.x : s.square, .b = tall(shape) ? s.square : s.x, .c = s.next_x});
}

}  // namespace

void muon(cuda::Stream stream, const MuonOnDevice& call) {
  const int64_t n = call.shape.elements();
  if (n == 0) return;
  Scratch s(call.shape, call.workspace);
  begin(stream, call, s);
  for (int64_t i = 0; i < call.args.iterations; ++i) {
    iterate(stream, call.shape, s);
    float* x = s.x;
    s.x = s.next_x;
    s.next_x = x;
  }
  launch(stream, over_elements(n, 1, "muon_apply"), apply_kernel,
         Apply{call.args, s.x, n, step_scale(call.args, call.shape)});
}

}  // namespace weft::kernels
