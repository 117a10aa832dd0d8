// C [m, n] = epilogue(A [m, k] B [k, n]) in float on ordinary cores: for models trained in f32 and
// as the reference of what is faster. Either operand may be stored transposed; epilogues are
// epilogue_cuda.h's.
//
// A block of 256 threads makes a tile of 64 x 64, a thread 4 x 4 sums, 16 rows and 16 columns
// apart, so that the lanes of a warp read neighbouring columns of shared memory. Tiles of 16 of k,
// read by threads in the order in which the operand lies; one at a time, with a barrier on either
// side.
//
// Numerics: sums in float in the order of k, with fused multiply-add.
#include "kernels/cuda/barrier.h"
#include "kernels/gemm/epilogue_cuda.h"
#include "kernels/gemm/gemm_cuda.h"

namespace weft::kernels {
namespace {

using namespace cuda;

// The model of its time on an H200: for one of k a warp makes 16 fused multiply-adds of 32 lanes,
// of which a multiprocessor does 4 a clock, and reads 8 rows of 128 bytes of shared memory, one a
// clock. So reading counts, 8 clocks against 4: half of 132 x 128 x 2 flops a clock at 1.83 GHz, 31
// TFLOP/s. 8 x 8 sums a thread would be at the peak; float products train small models and Muon's.
struct Config {
  static constexpr int kTile = 64;  // of m and of n
  static constexpr int kTileK = 16;
  static constexpr int kSide = 16;  // threads along m, and along n
  static constexpr int kSums = kTile / kSide;
  static constexpr unsigned kThreads = kSide * kSide;
};

// Element (i, k) lies at data + i across + k along; i < rows.
struct Operand {
  const float* data;
  int64_t rows, across, along;
};

template <class Out>
struct GemmCall {
  Operand a, b;  // b: columns as rows
  int64_t k;
  Epilogue<Out> epilogue;
};

struct Shared {
  float a[Config::kTileK][Config::kTile + 1], b[Config::kTileK][Config::kTile + 1];
};
using SharedOperand = float[Config::kTileK][Config::kTile + 1];

struct KRange {
  int64_t begin, end;  // what there is from `begin` on
};

// Rows row_of(0..63) of an operand, and 16 of k; what lies outside is 0. Neighbouring threads read
// neighbouring addresses.
template <class RowOf>
WEFT_DEVICE void copy_operand(SharedOperand& to, const Operand& from, KRange k, RowOf row_of) {
  for (unsigned i = thread_index(); i < Config::kTile * Config::kTileK; i += Config::kThreads) {
    const bool k_first = from.along == 1;
    const unsigned r = k_first ? i / Config::kTileK : i % Config::kTile;
    const unsigned c = k_first ? i % Config::kTileK : i / Config::kTile;
    const int64_t row = row_of(static_cast<int>(r)), at = k.begin + c;
    const bool inside = row < from.rows && at < k.end;
    store(&to[c][r], inside ? load(from.data + row * from.across + at * from.along) : 0.0f);
  }
}

// Column of the tile that sum j of a thread belongs to, and where it lies in B: a gated product's
// columns 32 and on are the values beside the gates of columns 0 to 31.
WEFT_DEVICE int64_t column_of_b(int64_t first, int c, int64_t up) {
  constexpr int kHalf = Config::kTile / 2;
  return up == 0 || c < kHalf ? first + c : first + up + c - kHalf;
}

template <class Out>
WEFT_KERNEL(Config::kThreads)
gemm_f32_kernel(GemmCall<Out> g) {
  Shared& s = shared_memory<Shared>();
  const Epilogue<Out>& e = g.epilogue;
  const int x = static_cast<int>(thread_index()) % Config::kSide;
  const int y = static_cast<int>(thread_index()) / Config::kSide;
  const int64_t width = e.gated ? Config::kTile / 2 : Config::kTile, up = e.gated ? e.n : 0;
  const int64_t row = int64_t{block_index().y} * Config::kTile, column = block_index().x * width;
  float sums[Config::kSums][Config::kSums] = {};

  for (int64_t k = 0; k < g.k; k += Config::kTileK) {
    copy_operand(s.a, g.a, {k, g.k}, [&](int r) { return row + r; });
    copy_operand(s.b, g.b, {k, g.k}, [&](int c) { return column_of_b(column, c, up); });
    block_barrier();
    WEFT_UNROLL
    for (int i = 0; i < Config::kTileK; ++i) {
      float b[Config::kSums];
      WEFT_UNROLL
      for (int v = 0; v < Config::kSums; ++v) b[v] = load(&s.b[i][x + v * Config::kSide]);
      WEFT_UNROLL
      for (int u = 0; u < Config::kSums; ++u) {
        const float a = load(&s.a[i][y + u * Config::kSide]);
        WEFT_UNROLL
        for (int v = 0; v < Config::kSums; ++v) sums[u][v] += a * b[v];
      }
    }
    block_barrier();
  }
  WEFT_UNROLL
  for (int u = 0; u < Config::kSums; ++u) {
    const int64_t r = row + y + u * Config::kSide;
    WEFT_UNROLL
    for (int v = 0; v < Config::kSums; ++v) {
      const int64_t c = column + x + v * Config::kSide;
      if (!e.gated) e.apply(r, c, sums[u][v]);
      else if (v < Config::kSums / 2) {
        e.apply_gated(r, c, sums[u][v], sums[u][(v + Config::kSums / 2) % Config::kSums]);
      }
    }
  }
}

template <class Out>
void launch_gemm(Stream stream, const GemmSpec& s, const GemmArgs& a) {
  const int64_t columns_b = s.gated ? 2 * s.n : s.n;
  const int64_t lda = s.lda != 0 ? s.lda : s.trans_a ? s.m : s.k;
  const int64_t ldb = s.ldb != 0 ? s.ldb : s.trans_b ? s.k : columns_b;
  const auto* pa = static_cast<const float*>(a.a);
  const auto* pb = static_cast<const float*>(a.b);
  const GemmCall<Out> call{Operand{pa, s.m, s.trans_a ? 1 : lda, s.trans_a ? lda : 1},
                           Operand{pb, columns_b, s.trans_b ? ldb : 1, s.trans_b ? 1 : ldb}, s.k,
                           Epilogue<Out>(s, a)};
  const int width = s.gated ? Config::kTile / 2 : Config::kTile;
  const Grid grid{static_cast<unsigned>(ceil_div(s.n, width)),
                  static_cast<unsigned>(ceil_div(s.m, Config::kTile))};
  constexpr Design kDesign{
      .threads = Config::kThreads, .shared_bytes = sizeof(Shared), .on_sm80 = 4, .on_sm90 = 4};
  launch<gemm_f32_kernel<Out>, kDesign>(stream, grid, "gemm_f32", call);
}

}  // namespace

void gemm_f32(cuda::Stream stream, const GemmSpec& spec, const GemmArgs& args) {
  if (spec.output == DType::kF32) return launch_gemm<float>(stream, spec, args);
  launch_gemm<BFloat16>(stream, spec, args);
}

}  // namespace weft::kernels
