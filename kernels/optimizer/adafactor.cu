// Adafactor on one matrix or vector on a GPU; adafactor.h has the formula.
//
//   matrix:  rows      a block for each row: its mean of squares           reads g
//            columns   a thread for each column of a part of the rows      reads g
//            means     the parts' sums; one block: the mean of all rows
//            squares   a block for each row: the size of its update        reads g
//            bound     one block: the rate of updates that are bounded
//            update    a block for each row                                reads g, p; writes p
//   vector:  squares, bound and update, a thread for each four elements
//
// Numerics: float; sums of rows and of squares in double, in an order that the shape fixes. Where
// *apply is 0 every kernel returns at once.
//
// Time: memory, 26 bytes a parameter with the bf16 copy: 124 M in 0.75 ms at 4.3 TB/s on an H200,
// where AdamW moves 30; and six launches a matrix, three a vector (GPT-2 124M: 0.6 thousand, about
// 1.2 ms in a captured graph). Matrices whose gradients stay in the 50 MB of cache are read from
// memory once.
#include <cmath>

#include "kernels/cuda/block_sum.h"
#include "kernels/elementwise/vectors.h"
#include "kernels/optimizer/optimizer_cuda.h"

namespace weft::kernels {
namespace {

using namespace cuda;

constexpr int kWidth = 4;

// The arguments, and the parts of the workspace.
struct Work {
  Adafactor a;
  float* mean;           // of all rows
  float* rate;           // of the bounded update
  double* squares;       // by block
  float* column_sums;    // [parts, C]
  int64_t rows, blocks;  // rows of a part; blocks that sum squares

  explicit Work(const Adafactor& args)
      : a(args), rows(adafactor_part_rows(args.shape)), blocks(adafactor_blocks(args.shape)) {
    auto* at = static_cast<std::byte*>(args.workspace);
    mean = reinterpret_cast<float*>(at);
    rate = mean + 1;
    at += workspace_part(2 * 4);
    squares = reinterpret_cast<double*>(at);
    column_sums = reinterpret_cast<float*>(at + workspace_part(blocks * 8));
  }
};

// The share of the new in a moving mean.
WEFT_DEVICE float rest_of(const Adafactor& a) {
  return static_cast<float>(pow(static_cast<double>(load(a.scalars.step)), -a.decay_rate));
}

WEFT_DEVICE float moved(float mean, float rest, float fresh) {
  return (1.0f - rest) * mean + rest * fresh;
}

// body(i): every kW-th element of the block's row, as offsets into the matrix.
template <int kW, class Body>
WEFT_DEVICE void for_row(const Adafactor& a, const Body& body) {
  const int64_t C = a.shape.columns, row = static_cast<int64_t>(block_index().x);
  for (int64_t c = int64_t{kW} * thread_index(); c < C; c += int64_t{kW} * thread_count())
    body(row * C + c, c);
}

template <int kW>
WEFT_KERNEL(kElementThreads)
rows_kernel(Work w) {
  if (load(w.a.scalars.apply) == 0.0f) return;
  const float clip = load(w.a.scalars.clip), eps = static_cast<float>(w.a.eps);
  double sum = 0;
  for_row<kW>(w.a, [&](int64_t i, int64_t) {
    const Vector<float, kW> gradient = load_vector<kW>(w.a.gradients + i);
    float squares = 0.0f;
    for (int k = 0; k < kW; ++k) {
      const float g = gradient[k] * clip;
      squares += g * g + eps;
    }
    sum += static_cast<double>(squares);
  });
  sum = sum_of_block(sum);
  if (thread_index() != 0) return;
  float* mean = w.a.factors + block_index().x;
  const float fresh = static_cast<float>(sum / static_cast<double>(w.a.shape.columns));
  store(mean, moved(load(mean), rest_of(w.a), fresh));
}

WEFT_KERNEL(kElementThreads) columns_kernel(Work w) {
  if (load(w.a.scalars.apply) == 0.0f) return;
  const int64_t C = w.a.shape.columns, c = first_element<1>();
  if (c >= C) return;
  const float clip = load(w.a.scalars.clip), eps = static_cast<float>(w.a.eps);
  const int64_t part = static_cast<int64_t>(block_index().y), begin = part * w.rows;
  const int64_t end = begin + w.rows < w.a.shape.rows ? begin + w.rows : w.a.shape.rows;
  float sum = 0.0f;
  for (int64_t r = begin; r < end; ++r) {
    const float g = load(w.a.gradients + r * C + c) * clip;
    sum += g * g + eps;
  }
  store(w.column_sums + part * C + c, sum);
}

// A thread for each column; the last block: the mean of all rows.
WEFT_KERNEL(kElementThreads) means_kernel(Work w) {
  if (load(w.a.scalars.apply) == 0.0f) return;
  const int64_t R = w.a.shape.rows, C = w.a.shape.columns;
  if (block_index().x + 1 == grid_size().x) {
    double sum = 0;
    for (int64_t r = thread_index(); r < R; r += thread_count())
      sum += static_cast<double>(load(w.a.factors + r));
    sum = sum_of_block(sum);
    if (thread_index() == 0) store(w.mean, static_cast<float>(sum / static_cast<double>(R)));
    return;
  }
  const int64_t c = first_element<1>();
  if (c >= C) return;
  float sum = 0.0f;
  for (int64_t part = 0; part * w.rows < R; ++part) sum += load(w.column_sums + part * C + c);
  float* mean = w.a.factors + R + c;
  store(mean, moved(load(mean), rest_of(w.a), sum / static_cast<float>(R)));
}

// By which gradients of the block's row are multiplied, but for their column's root.
WEFT_DEVICE float row_factor(const Work& w) {
  return load(w.a.scalars.clip) * sqrtf(load(w.mean) / load(w.a.factors + block_index().x));
}

template <int kW>
WEFT_KERNEL(kElementThreads)
squares_kernel(Work w) {
  if (load(w.a.scalars.apply) == 0.0f) return;
  const float factor = row_factor(w);
  double sum = 0;
  for_row<kW>(w.a, [&](int64_t i, int64_t c) {
    const Vector<float, kW> gradient = load_vector<kW>(w.a.gradients + i);
    float squares = 0.0f;
    for (int k = 0; k < kW; ++k) {
      const float u = factor * gradient[k];
      squares += u * u / load(w.a.factors + w.a.shape.rows + c + k);
    }
    sum += static_cast<double>(squares);
  });
  sum = sum_of_block(sum);
  if (thread_index() == 0) store(w.squares + block_index().x, sum);
}

WEFT_KERNEL(kElementThreads) bound_kernel(Work w) {
  if (load(w.a.scalars.apply) == 0.0f) return;
  double sum = 0;
  for (int64_t i = thread_index(); i < w.blocks; i += thread_count()) sum += load(w.squares + i);
  sum = sum_of_block(sum);
  if (thread_index() != 0) return;
  const double rms = sqrt(sum / static_cast<double>(w.a.shape.elements()));
  const double over = rms / w.a.clip_threshold;
  const double rate = static_cast<double>(load(w.a.scalars.learning_rate));
  store(w.rate, static_cast<float>(rate / (over > 1 ? over : 1.0)));
}

WEFT_DEVICE float kept_of_parameters(const Adafactor& a) {
  const double rate = static_cast<double>(load(a.scalars.learning_rate));
  return static_cast<float>(1 - rate * a.weight_decay);
}

template <int kW>
WEFT_KERNEL(kElementThreads)
update_kernel(Work w) {
  if (load(w.a.scalars.apply) == 0.0f) return;
  const float factor = load(w.rate) * row_factor(w), kept = kept_of_parameters(w.a);
  for_row<kW>(w.a, [&](int64_t i, int64_t c) {
    const Vector<float, kW> gradient = load_vector<kW>(w.a.gradients + i);
    Vector<float, kW> p = load_vector<kW>(static_cast<const float*>(w.a.parameters + i));
    Vector<BFloat16, kW> copy{};
    for (int k = 0; k < kW; ++k) {
      const float root = sqrtf(load(w.a.factors + w.a.shape.rows + c + k));
      p[k] = kept * p[k] - factor * gradient[k] / root;
      copy[k] = to_bfloat16(p[k]);
    }
    store_vector(w.a.parameters + i, p);
    if (w.a.copy != nullptr) store_vector(w.a.copy + i, copy);
  });
}

WEFT_KERNEL(kElementThreads) vector_squares_kernel(Work w) {
  if (load(w.a.scalars.apply) == 0.0f) return;
  const int64_t N = w.a.shape.columns, i = first_element<kWidth>();
  const float clip = load(w.a.scalars.clip), eps = static_cast<float>(w.a.eps);
  const float rest = rest_of(w.a);
  double sum = 0;
  if (i < N) {
    const Vector<float, kWidth> gradient = load_some<kWidth>(w.a.gradients, i, N);
    Vector<float, kWidth> v = load_some<kWidth>(static_cast<const float*>(w.a.factors), i, N);
    for (int k = 0; k < kWidth; ++k) {
      const float g = gradient[k] * clip;
      v[k] = moved(v[k], rest, g * g + eps);
      if (i + k < N) sum += static_cast<double>(g * g / v[k]);
    }
    store_some(w.a.factors, i, N, v);
  }
  sum = sum_of_block(sum);
  if (thread_index() == 0) store(w.squares + block_index().x, sum);
}

WEFT_KERNEL(kElementThreads) vector_update_kernel(Work w) {
  if (load(w.a.scalars.apply) == 0.0f) return;
  const int64_t N = w.a.shape.columns, i = first_element<kWidth>();
  if (i >= N) return;
  const float factor = load(w.rate) * load(w.a.scalars.clip), kept = kept_of_parameters(w.a);
  const Vector<float, kWidth> gradient = load_some<kWidth>(w.a.gradients, i, N);
  const Vector<float, kWidth> v = load_some<kWidth>(static_cast<const float*>(w.a.factors), i, N);
  Vector<float, kWidth> p = load_some<kWidth>(static_cast<const float*>(w.a.parameters), i, N);
  Vector<BFloat16, kWidth> copy{};
  for (int k = 0; k < kWidth; ++k) {
    if (i + k >= N) break;
    p[k] = kept * p[k] - factor * gradient[k] / sqrtf(v[k]);
    copy[k] = to_bfloat16(p[k]);
  }
  store_some(w.a.parameters, i, N, p);
  if (w.a.copy != nullptr) store_some(w.a.copy, i, N, copy);
}

Launch summing(int64_t blocks, const char* name) {
  return {.grid = {static_cast<unsigned>(blocks)},
          .threads = kElementThreads,
          .shared_bytes = kElementThreads * sizeof(double),
          .name = name};
}

template <int kW>
void update_matrix(Stream stream, const Work& w) {
  const AdafactorShape shape = w.a.shape;
  launch(stream, summing(shape.rows, "adafactor_rows"), rows_kernel<kW>, w);
  Launch columns = over_elements(shape.columns, 1, "adafactor_columns");
  columns.grid.y = static_cast<unsigned>(adafactor_parts(shape));
  launch(stream, columns, columns_kernel, w);
  launch(stream, summing(columns.grid.x + 1, "adafactor_means"), means_kernel, w);
  launch(stream, summing(shape.rows, "adafactor_squares"), squares_kernel<kW>, w);
  launch(stream, summing(1, "adafactor_bound"), bound_kernel, w);
  launch(stream, summing(shape.rows, "adafactor_update"), update_kernel<kW>, w);
}

void update_vector(Stream stream, const Work& w) {
  const int64_t N = w.a.shape.columns;
  launch(stream, summing(w.blocks, "adafactor_squares"), vector_squares_kernel, w);
  launch(stream, summing(1, "adafactor_bound"), bound_kernel, w);
  launch(stream, over_elements(N, kWidth, "adafactor_update"), vector_update_kernel, w);
}

}  // namespace

// A block takes kElementThreads * kWidth elements of a vector.
static_assert(adafactor_blocks({.columns = kElementThreads * kWidth + 1}) == 2);

void adafactor(Stream stream, const Adafactor& args) {
  if (args.shape.elements() == 0) return;
  const Work w(args);
  if (!args.shape.is_matrix()) return update_vector(stream, w);
  const bool wide = args.shape.columns % kWidth == 0 &&
                    aligned({args.parameters, args.gradients}) &&
                    reinterpret_cast<uintptr_t>(args.copy) % (kWidth * sizeof(BFloat16)) == 0;
  wide ? update_matrix<kWidth>(stream, w) : update_matrix<1>(stream, w);
}

}  // namespace weft::kernels
