// A linear layer over the vocabulary and its cross-entropy, a chunk of rows at a time: logits never
// exist as a whole, neither forward nor backward. With gradients, a chunk's logits become the
// gradient of the logits in place, and two more products follow while the chunk is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/gemm/gemm.h"
#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

struct ChunkedHeadSpec {
  int64_t N = 1, C = 1, V = 1;  // rows, width, classes
  DType dtype = DType::kF32;    // of x, weight, logits and dx: f32 or bf16
  bool input_gradient = false;
  bool weight_gradient = false;
};

// x_NC, weight_VC and dx_NC hold elements of the spec's type. What is not asked for is null.
struct ChunkedHeadArgs {
  const void* x_NC = nullptr;
  const void* weight_VC = nullptr;
  const int32_t* labels_N = nullptr;
  float label_smoothing = 0.0f;
  float z_loss = 0.0f;
  int64_t ignore_index = -100;
  float* loss = nullptr;         // the sum over rows, in row order
  const float* scale = nullptr;  // the gradient of that sum
  void* dx_NC = nullptr;
  float* dweight_VC = nullptr;
  bool accumulate = false;  // add to dweight_VC
};

// Rows of a chunk: a function of the spec alone, because sums over chunks depend on it.
int64_t chunk_rows(const ChunkedHeadSpec& spec);

// Elements from one row of a chunk's logits to the next: whole vectors.
int64_t chunk_row_stride(const ChunkedHeadSpec& spec);
// Products of a chunk of so many rows: logits = x W^T, dx = dlogits W, dW = dlogits^T x.
GemmSpec chunk_logits_spec(const ChunkedHeadSpec& spec, int64_t rows);
GemmSpec chunk_input_gradient_spec(const ChunkedHeadSpec& spec, int64_t rows);
GemmSpec chunk_weight_gradient_spec(const ChunkedHeadSpec& spec, int64_t rows);

// The products of all chunks made ready. Used by one caller at a time.
class ChunkedHead {
 public:
  ChunkedHead(const ChunkedHeadSpec& spec, int workers);
  ~ChunkedHead();
  ChunkedHead(ChunkedHead&&) noexcept;

  // Of the memory that run() needs, aligned to 64.
  static size_t workspace_bytes(const ChunkedHeadSpec& spec, int workers);
  void run(const ChunkedHeadArgs& args, void* workspace, const ParallelFor& parallel) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::kernels
