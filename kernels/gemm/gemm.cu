// C [m, n] = epilogue(A [m, k] B [k, n]): bfloat16 products on tensor cores with sums in float, for
// sm_80 and everything after; the reference of the Hopper kernel. Either operand may be stored
// transposed; epilogues are epilogue_cuda.h's.
//
// A block makes a tile of 128 x 128, eight warps 64 x 32 each. Tiles of A and B come 64 of k at a
// time through a ring of stages filled by cp.async, so that copies run kStages - 1 steps ahead of
// the tensor cores; one barrier a step. A transposed operand is stored as it lies and turned by
// ldmatrix. Where C is gated, half of the tile's columns of B are gates and half the values beside
// them, dealt out so that a thread holds both of each pair.
//
// Numerics: products exact, sums in float in the order of k in steps of 16, one thread from
// beginning to end: the shape alone fixes the bits.
// Source: the ring is CUTLASS's multistage pipeline (Kerr et al., 2017 on), the swizzle ldmatrix's.
#include <string>

#include "kernels/cuda/ring.h"
#include "kernels/cuda/tensor_map.h"
#include "kernels/cuda/tile.h"
#include "kernels/gemm/epilogue_cuda.h"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemm_sm90.h"
#include "kernels/gemm/layout_cuda.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace cuda;

// The model of its time on an H200, a multiprocessor and step of 64 of k:
//   products   2 x 128 x 128 x 64 flops at 2,576 a clock                        814 clocks
//              (mma.sync has 62.9 % of wgmma's 4,096: Luo et al., 2024)
//   operands   8 warps read 64 rows of A and 32 of B, 12 KiB: 128 bytes a clock 768
//   copies     32 KiB at the 33 bytes a clock that are known of tiles like these 993
// Two blocks a multiprocessor fill each other's gaps: copies count, 2,112 flops a clock or 510
// TFLOP/s on 132 multiprocessors at 1.83 GHz; an A100 (products 1,024) is at its peak. A narrower
// tile copies more for a flop; 128 x 256 has 128 sums of a thread, and one block a multiprocessor.
struct Config {
  // 128 x 128: 2 m n k / ((m + n) k 2 bytes) = 64 flops a byte of L2 traffic. A thread of 256 then
  // holds 64 sums, which leaves registers for two steps of operands.
  static constexpr int kTileM = 128, kTileN = 128, kTileK = 64;
  static constexpr int kWarpM = 64, kWarpN = 32;
  static constexpr unsigned kThreads = kTileM / kWarpM * (kTileN / kWarpN) * kWarp;
  // 32 KiB a stage: three leave room for two blocks on an H200's multiprocessor, one on an A100's.
  static constexpr int kStages = 3;
  // Blocks that run together share tiles in L2 best if they form a square rather than a row.
  static constexpr int64_t kGroupM = 8;
};
static_assert(Config::kWarpN % 32 == 0, "a warp's columns are two pairs of 16");

// Blocks that an H200's multiprocessor holds at once, of 128 registers a thread. Where both
// operands are transposed, which no product of a training step is, a thread needs more.
template <bool kTransA, bool kTransB>
constexpr int kTogether = !kTransA || !kTransB ? 2 : 1;

constexpr int kBlocksM = Config::kWarpM / 16, kBlocksN = Config::kWarpN / 8;

template <class Out>
struct GemmCall {
  MatrixView a, b;
  int64_t k;
  int64_t tiles_m, tiles_n;
  Epilogue<Out> epilogue;
};

template <bool kTransA, bool kTransB>
struct Shared {
  SharedTile<kTransA ? Config::kTileK : Config::kTileM, kTransA ? Config::kTileM : Config::kTileK>
      a[Config::kStages];
  SharedTile<kTransB ? Config::kTileN : Config::kTileK, kTransB ? Config::kTileK : Config::kTileN>
      b[Config::kStages];
};

// A tile's first row and column of C, and how its columns lie in B: of a gated product, columns 64
// and on are the values (n further in B) beside the gates of columns 0 to 63.
struct TilePlace {
  int64_t row, column, up;

  WEFT_DEVICE int64_t column_of_b(int c) const {
    constexpr int kHalf = Config::kTileN / 2;
    return up == 0 || c < kHalf ? column + c : column + up + c - kHalf;
  }
};

// Tiles in groups of kGroupM rows of tiles, column by column within a group.
template <class Out>
WEFT_DEVICE TilePlace place_of_block(const GemmCall<Out>& g) {
  const int64_t index = block_index().x, group = index / (Config::kGroupM * g.tiles_n);
  const int64_t first = group * Config::kGroupM, left = g.tiles_m - first;
  const int64_t rows = left < Config::kGroupM ? left : Config::kGroupM;
  const int64_t inside = index - first * g.tiles_n;
  const int64_t width = g.epilogue.gated ? Config::kTileN / 2 : Config::kTileN;
  return {(first + inside % rows) * Config::kTileM, inside / rows * width,
          g.epilogue.gated ? g.epilogue.n : 0};
}

// Column of the warp's block j of 8 in the tile: a gated product's gates, then their values.
WEFT_DEVICE int tile_column(int warp_n, int j, bool gated) {
  if (!gated) return warp_n * Config::kWarpN + j * 8;
  constexpr int kHalfBlocks = kBlocksN / 2;
  return warp_n * Config::kWarpN / 2 + j % kHalfBlocks * 8 + j / kHalfBlocks * Config::kTileN / 2;
}

template <bool kTransA, bool kTransB, class Out>
WEFT_DEVICE void copy_stage(Shared<kTransA, kTransB>& s, const GemmCall<Out>& g, TilePlace at,
                            int64_t step) {
  const int stage = static_cast<int>(step % Config::kStages);
  const int64_t k = step * Config::kTileK;
  const auto along_k = [k](int i) { return k + i; };
  const auto along_m = [at](int i) { return at.row + i; };
  const auto along_n = [at](int i) { return at.column_of_b(i); };
  const auto chunk = [](auto along) { return [along](int c) { return along(c * 8); }; };
  if constexpr (kTransA) copy_tile(s.a[stage], g.a, along_k, chunk(along_m));
  else copy_tile(s.a[stage], g.a, along_m, chunk(along_k));
  if constexpr (kTransB) copy_tile(s.b[stage], g.b, along_n, chunk(along_k));
  else copy_tile(s.b[stage], g.b, along_k, chunk(along_n));
}

using Sums = FragmentC[kBlocksM][kBlocksN];

template <bool kTransA, bool kTransB>
WEFT_DEVICE void multiply_stage(Shared<kTransA, kTransB>& s, int stage, bool gated, Sums& sums) {
  const int warp = static_cast<int>(warp_index());
  const int warp_m = warp % (Config::kTileM / Config::kWarpM);
  const int warp_n = warp / (Config::kTileM / Config::kWarpM);
  WEFT_UNROLL
  for (int k = 0; k < Config::kTileK; k += 16) {
    FragmentA a[kBlocksM];
    WEFT_UNROLL
    for (int i = 0; i < kBlocksM; ++i) {
      a[i] = load_a<kTransA>(s.a[stage], warp_m * Config::kWarpM + i * 16, k);
    }
    WEFT_UNROLL
    for (int j = 0; j < kBlocksN; j += 2) {
      const FragmentsB b = load_b<kTransB>(s.b[stage], k, tile_column(warp_n, j, gated));
      WEFT_UNROLL
      for (int i = 0; i < kBlocksM; ++i) {
        mma(sums[i][j], a[i], b.left);
        mma(sums[i][j + 1], a[i], b.right);
      }
    }
  }
}

template <class Out>
WEFT_DEVICE void write_tile(const Epilogue<Out>& e, TilePlace at, const Sums& sums) {
  const int warp = static_cast<int>(warp_index());
  const int64_t row = at.row + warp % (Config::kTileM / Config::kWarpM) * Config::kWarpM;
  const int warp_n = warp / (Config::kTileM / Config::kWarpM);
  WEFT_UNROLL
  for (int i = 0; i < kBlocksM; ++i) {
    WEFT_UNROLL
    for (int j = 0; j < kBlocksN; ++j) {
      const int64_t column = at.column + tile_column(warp_n, j, e.gated);
      WEFT_UNROLL
      for (int v = 0; v < 4; ++v) {
        const int64_t r = row + i * 16 + fragment_row(v), c = column + fragment_column(v);
        if (!e.gated) {
          e.apply(r, c, sums[i][j].v[v]);
        } else if (j < kBlocksN / 2) {
          e.apply_gated(r, c, sums[i][j].v[v], sums[i][(j + kBlocksN / 2) % kBlocksN].v[v]);
        }
      }
    }
  }
}

template <bool kTransA, bool kTransB, class Out>
WEFT_KERNEL(Config::kThreads, kTogether<kTransA, kTransB>)
gemm_kernel(GemmCall<Out> g) {
  auto& s = shared_memory<Shared<kTransA, kTransB>>();
  const TilePlace at = place_of_block(g);
  const int64_t steps = ceil_div(g.k, Config::kTileK);
  Sums sums = {};

  const auto copy_step = [&](int64_t step) { copy_stage(s, g, at, step); };
  begin_ring<Config::kStages>(steps, copy_step);
  for (int64_t step = 0; step < steps; ++step) {
    advance_ring<Config::kStages>(step, steps, copy_step);
    multiply_stage(s, static_cast<int>(step % Config::kStages), g.epilogue.gated, sums);
  }
  write_tile(g.epilogue, at, sums);
}

MatrixView view(const void* data, int64_t rows, int64_t columns, int64_t stride) {
  const auto* p = static_cast<const BFloat16*>(data);
  if (stride == 0) stride = columns;
  return {p, rows, columns, stride, vectors_fit<kVectorOf<BFloat16>>(p, stride)};
}

template <bool kTransA, bool kTransB, class Out>
void launch_gemm(Stream stream, const GemmSpec& s, const GemmArgs& a) {
  const int64_t columns_b = s.gated ? 2 * s.n : s.n;
  GemmCall<Out> call{kTransA ? view(a.a, s.k, s.m, s.lda) : view(a.a, s.m, s.k, s.lda),
                     kTransB ? view(a.b, columns_b, s.k, s.ldb) : view(a.b, s.k, columns_b, s.ldb),
                     s.k,
                     ceil_div(s.m, Config::kTileM),
                     ceil_div(s.n, s.gated ? Config::kTileN / 2 : Config::kTileN),
                     Epilogue<Out>(s, a)};
  // A gated tile's second half begins n columns on: chunks there are whole only if n allows.
  if (s.gated && !kTransB && s.n % kVectorOf<BFloat16> != 0) call.b.chunks = false;
  constexpr Design kDesign{.threads = Config::kThreads,
                           .shared_bytes = sizeof(Shared<kTransA, kTransB>),
                           .on_sm80 = 1,
                           .on_sm90 = kTogether<kTransA, kTransB>};
  launch<gemm_kernel<kTransA, kTransB, Out>, kDesign>(
      stream, {static_cast<unsigned>(call.tiles_m * call.tiles_n)}, "gemm_bf16", call);
}

template <class Out>
void launch_layout(Stream stream, const GemmSpec& s, const GemmArgs& a) {
  for_layout(s, [&](auto trans_a, auto trans_b) {
    launch_gemm<decltype(trans_a)::value, decltype(trans_b)::value, Out>(stream, s, a);
  });
}

}  // namespace

void gemm_bf16(cuda::Stream stream, const GemmSpec& spec, const GemmArgs& args) {
  if (compute_capability() == 90 && gemm_sm90_fits(spec, args)) {
    return gemm_sm90(stream, spec, args);
  }
  if (spec.output == DType::kF32) return launch_layout<float>(stream, spec, args);
  launch_layout<BFloat16>(stream, spec, args);
}

void gemm(cuda::Stream stream, const GemmSpec& spec, const GemmArgs& args) {
  const bool out = spec.output == DType::kF32 || spec.output == DType::kBF16;
  if (spec.input == DType::kBF16 && out) return gemm_bf16(stream, spec, args);
  if (spec.input == DType::kF32 && out) return gemm_f32(stream, spec, args);
  throw Error("matrix product on a GPU of " + std::string(name_of(spec.input)) + " into " +
              std::string(name_of(spec.output)) + ": operands and results are f32 or bf16");
}

void gemm(cuda::Stream stream, const GemmLaunch& call) {
  gemm(stream, call.spec, call.args);
}

}  // namespace weft::kernels
