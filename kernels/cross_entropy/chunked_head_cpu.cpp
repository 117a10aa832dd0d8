// The chunked head: GEMM plans for a full and for the last chunk, and the rows kernel between them.
#include "kernels/cross_entropy/chunked_head.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/gemm/gemm.h"
#include "kernels/simd/tiles.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

// A chunk's logits take at most about this much. Each chunk reads and writes the weight's gradient
// once, which costs less the larger the chunks are; at 50,257 bfloat16 classes this gives 1,001
// rows.
constexpr int64_t kChunkBytes = 96 << 20;
constexpr int64_t kLeastRows = 64, kMostRows = 1024;
// Rows of logits begin at whole vectors.
constexpr int64_t kRowUnit = 32;

}  // namespace

int64_t chunk_row_stride(const ChunkedHeadSpec& s) {
  return round_up(s.V, kRowUnit);
}

GemmSpec chunk_logits_spec(const ChunkedHeadSpec& s, int64_t rows) {
  return {.m = rows,
          .n = s.V,
          .k = s.C,
          .trans_b = true,
          .ldc = chunk_row_stride(s),
          .input = s.dtype,
          .output = s.dtype};
}

GemmSpec chunk_input_gradient_spec(const ChunkedHeadSpec& s, int64_t rows) {
  return {.m = rows,
          .n = s.C,
          .k = s.V,
          .lda = chunk_row_stride(s),
          .input = s.dtype,
          .output = s.dtype};
}

GemmSpec chunk_weight_gradient_spec(const ChunkedHeadSpec& s, int64_t rows) {
  return {.m = s.V,
          .n = s.C,
          .k = rows,
          .trans_a = true,
          .lda = chunk_row_stride(s),
          .input = s.dtype,
          .output = DType::kF32};
}

namespace {

// The products of one size of chunk.
struct ChunkPlans {
  GemmPlan logits;
  std::optional<GemmPlan> input_gradient, weight_gradient;

  ChunkPlans(const ChunkedHeadSpec& s, int64_t rows, int workers)
      : logits(chunk_logits_spec(s, rows), workers) {
    if (s.input_gradient) input_gradient.emplace(chunk_input_gradient_spec(s, rows), workers);
    if (s.weight_gradient) weight_gradient.emplace(chunk_weight_gradient_spec(s, rows), workers);
  }
};

size_t product_bytes(const ChunkedHeadSpec& s, int64_t rows, int workers) {
  size_t bytes = GemmPlan::scratch_bytes(chunk_logits_spec(s, rows), workers);
  if (s.input_gradient) {
    bytes = std::max(bytes, GemmPlan::scratch_bytes(chunk_input_gradient_spec(s, rows), workers));
  }
  if (s.weight_gradient) {
    bytes = std::max(bytes, GemmPlan::scratch_bytes(chunk_weight_gradient_spec(s, rows), workers));
  }
  return bytes;
}

// The workspace: a chunk's logits, every row's loss, and what the products need.
struct Layout {
  size_t losses, products;

  explicit Layout(const ChunkedHeadSpec& s)
      : losses(
            aligned(static_cast<size_t>(chunk_rows(s) * chunk_row_stride(s) * size_of(s.dtype)))),
        products(losses + aligned(static_cast<size_t>(s.N) * sizeof(double))) {}
};

int64_t last_rows(const ChunkedHeadSpec& s) {
  return (s.N - 1) % chunk_rows(s) + 1;
}

}  // namespace

int64_t chunk_rows(const ChunkedHeadSpec& s) {
  const int64_t fitting = kChunkBytes / (chunk_row_stride(s) * size_of(s.dtype));
  const int64_t most = std::clamp(fitting, kLeastRows, kMostRows);
  const int64_t chunks = ceil_div(s.N, most);
  return ceil_div(s.N, chunks);
}

struct ChunkedHead::Impl {
  ChunkedHeadSpec spec;
  int64_t rows;
  ChunkPlans full;
  std::optional<ChunkPlans> last;  // if it is smaller

  Impl(const ChunkedHeadSpec& s, int workers)
      : spec(s), rows(chunk_rows(s)), full(s, rows, workers) {
    if (last_rows(s) != rows) last.emplace(s, last_rows(s), workers);
  }

  template <class T>
  void run_chunk(const ChunkedHeadArgs& args, int64_t first, std::byte* workspace,
                 const ParallelFor& parallel) const;
};

template <class T>
void ChunkedHead::Impl::run_chunk(const ChunkedHeadArgs& args, int64_t first, std::byte* workspace,
                                  const ParallelFor& parallel) const {
  const ChunkedHeadSpec& s = spec;
  const Layout layout(s);
  const int64_t count = std::min(rows, s.N - first);
  const ChunkPlans& plans = count == rows ? full : *last;
  std::byte* scratch = workspace + layout.products;
  T* logits = reinterpret_cast<T*>(workspace);
  const T* x = static_cast<const T*>(args.x_NC) + first * s.C;
  plans.logits.execute({.a = x, .b = args.weight_VC, .c = logits}, scratch, parallel);
  const bool gradients = s.input_gradient || s.weight_gradient;
  cross_entropy_rows(
      CrossEntropyRows<T>{.logits_NS = logits,
                          .labels_N = args.labels_N + first,
                          .dlogits_NS = gradients ? logits : nullptr,
                          .loss_N = reinterpret_cast<double*>(workspace + layout.losses) + first,
                          .scale = args.scale,
                          .N = count,
                          .V = s.V,
                          .S = chunk_row_stride(s),
                          .label_smoothing = args.label_smoothing,
                          .z_loss = args.z_loss,
                          .ignore_index = args.ignore_index},
      parallel);
  if (s.input_gradient) {
    T* dx = static_cast<T*>(args.dx_NC) + first * s.C;
    plans.input_gradient->execute({.a = logits, .b = args.weight_VC, .c = dx}, scratch, parallel);
  }
  if (s.weight_gradient) {
    plans.weight_gradient->execute(
        {.a = logits, .b = x, .c = args.dweight_VC, .accumulate = args.accumulate || first > 0},
        scratch, parallel);
  }
}

ChunkedHead::ChunkedHead(const ChunkedHeadSpec& spec, int workers)
    : impl_(std::make_unique<Impl>(spec, workers)) {}
ChunkedHead::~ChunkedHead() = default;
ChunkedHead::ChunkedHead(ChunkedHead&&) noexcept = default;

size_t ChunkedHead::workspace_bytes(const ChunkedHeadSpec& spec, int workers) {
  return Layout(spec).products + std::max(product_bytes(spec, chunk_rows(spec), workers),
                                          product_bytes(spec, last_rows(spec), workers));
}

void ChunkedHead::run(const ChunkedHeadArgs& args, void* workspace,
                      const ParallelFor& parallel) const {
  const ChunkedHeadSpec& s = impl_->spec;
  std::byte* memory = static_cast<std::byte*>(workspace);
  for (int64_t first = 0; first < s.N; first += impl_->rows) {
    if (s.dtype == DType::kF32) impl_->run_chunk<float>(args, first, memory, parallel);
    else impl_->run_chunk<BFloat16>(args, first, memory, parallel);
  }
  const double* losses = reinterpret_cast<const double*>(memory + Layout(s).losses);
  *args.loss = static_cast<float>(sum_of_losses(losses, s.N));
}

}  // namespace weft::kernels
