// C [m, n] = epilogue(A [m, k] B [k, n]) of bfloat16 for Hopper (sm_90a); gemm.cu is its reference,
// and what runs elsewhere. Either operand may be stored transposed; epilogues are
// epilogue_cuda.h's.
//
// As many blocks as multiprocessors, each of which goes through its tiles of 128 x 256. One thread
// copies boxes of A and B, 64 of k at a time, through a ring of four stages, and runs ahead into
// the next tile while this one is finished. Two warp groups multiply 64 rows each: 64 x 256 sums in
// registers, one product under way while the next is issued. Finished sums go through shared memory
// 64 columns at a time, so that the epilogue reads and writes eight columns of a row as vectors and
// whole lines of memory. Where C is gated, half of the tile's columns of B are gates and half the
// values beside them.
//
// Numerics: products exact, sums in float in the order of k in steps of 16, a tile by one warp
// group from beginning to end: the shape alone fixes the bits, however many multiprocessors there
// are. Source: the pipeline is CUTLASS's warp-specialised cooperative kernel (Thakkar et al., 2023
// on); the steps to it are fast.cu's (Shankhdhar, "Outperforming cuBLAS on H100", 2024).
#include "kernels/gemm/gemm_sm90.h"

#include <algorithm>

#include "kernels/cuda/box_copies.h"
#include "kernels/cuda/tile.h"
#include "kernels/cuda/warp_group.h"
#include "kernels/cuda/wgmma.h"
#include "kernels/gemm/epilogue_cuda.h"
#include "kernels/gemm/layout_cuda.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using namespace cuda;

// The model of its time on an H200, a multiprocessor and step of 64 of k:
//   products   2 x 128 x 256 x 64 flops at 4,096 a clock    1,024 clocks
//   copies     48 KiB; 33 bytes a clock are known           1,490
// So the copies bound it, at about 680 TFLOP/s, until blocks of a cluster share them. A tile of 128
// x 128 copies 32 KiB for 512 clocks of products: worse by a third. 256 x 256 has no registers:
// sums of 64 x 256 are 128 of a thread's 240. The epilogue, 128 x 256 x (4 + 4 bytes) through
// shared memory and out, is about 2,500 clocks a tile: a tenth of the time at k 1,024, and copies
// of the next tile run beneath it.
struct Config {
  static constexpr int kTileM = 128, kTileN = 256, kTileK = 64;
  static constexpr int kConsumers = 2, kRows = kTileM / kConsumers;
  // 48 KiB a stage: four, and what the epilogue needs, are 224 of 227 KiB.
  static constexpr int kStages = 4;
  static constexpr unsigned kThreads = (1 + kConsumers) * kWarpGroup;
  // 24 + 2 x 240 registers of 128 threads are 63 of 64 Ki.
  static constexpr unsigned kRegistersToCopy = 24, kRegistersToMultiply = 240;
  // 132 tiles at a time share A and B in L2 best as 16 x 8, a square of 2048.
  static constexpr int64_t kGroupM = 16;
  // Below, most of a tile would be empty.
  static constexpr int64_t kLeast = 64;
};
using Sums = Accumulator<Config::kTileN>;

constexpr unsigned kStaged = 1;            // named barriers, one a consumer
constexpr int kHalf = Config::kTileN / 2;  // of a gated tile's columns are gates
constexpr int kColumnsOfRound = 64, kRounds = Config::kTileN / kColumnsOfRound;

template <class Out>
struct GemmCall {
  TensorMap a, b;
  int64_t steps, tiles_m, tiles_n;
  Epilogue<Out> epilogue;
};

// Sums of a warp group on their way to the epilogue: 64 rows of 64. Chunk c of row r lies where
// chunk (c + 2 r) modulo 16 would, so that the four rows that half a warp writes use all banks.
struct Stage {
  alignas(128) float values[Config::kRows][kColumnsOfRound];

  WEFT_DEVICE float* chunk(int row, int c) { return &values[row][(c + 2 * row) % 16 * 4]; }
};

template <bool kTransA, bool kTransB>
struct Shared {
  // As they lie in memory: rows of k, or of m or n.
  MatrixTile<kTransA ? Config::kTileK : Config::kTileM, kTransA ? Config::kTileM : Config::kTileK>
      a[Config::kStages];
  MatrixTile<kTransB ? Config::kTileN : Config::kTileK, kTransB ? Config::kTileK : Config::kTileN>
      b[Config::kStages];
  Stage out[Config::kConsumers];
  Mbarrier full[Config::kStages], empty[Config::kStages];
};

// A tile's first row and column of C.
struct TilePlace {
  int row, column;
};

// Tiles in groups of kGroupM rows of tiles, column by column within a group.
template <class Out>
WEFT_DEVICE TilePlace place_of_tile(const GemmCall<Out>& g, int64_t index) {
  const int64_t group = index / (Config::kGroupM * g.tiles_n);
  const int64_t first = group * Config::kGroupM, left = g.tiles_m - first;
  const int64_t rows = left < Config::kGroupM ? left : Config::kGroupM;
  const int64_t inside = index - first * g.tiles_n;
  const int width = g.epilogue.gated ? kHalf : Config::kTileN;
  return {static_cast<int>((first + inside % rows) * Config::kTileM),
          static_cast<int>(inside / rows) * width};
}

// Which column of B is the tile's column c.
template <class Out>
WEFT_DEVICE int column_of_b(const GemmCall<Out>& g, TilePlace at, int c) {
  if (!g.epilogue.gated || c < kHalf) return at.column + c;
  return at.column + static_cast<int>(g.epilogue.n) + c - kHalf;
}

// One stage: k on is what this step multiplies.
template <bool kTransA, bool kTransB, class Out>
WEFT_DEVICE void copy_stage(const GemmCall<Out>& g, Shared<kTransA, kTransB>& s, int stage,
                            TilePlace at, int k) {
  auto& a = s.a[stage];
  auto& b = s.b[stage];
  Mbarrier& full = s.full[stage];
  arrive_and_expect(full, a.bytes() + b.bytes());
  if constexpr (kTransA) {
    for (int p = 0; p < a.kPanels; ++p) {
      load_box<2>(a.panels[p], g.a, {at.row + p * a.kWidth, k}, full);
    }
  } else {
    load_box<2>(a.panels[0], g.a, {k, at.row}, full);
  }
  if constexpr (kTransB) {
    for (int c = 0; c < Config::kTileN; c += kHalf) {
      load_box<2>(b.panels[0][c], g.b, {k, column_of_b(g, at, c)}, full);
    }
  } else {
    for (int p = 0; p < b.kPanels; ++p) {
      load_box<2>(b.panels[p], g.b, {column_of_b(g, at, p * b.kWidth), k}, full);
    }
  }
}

template <bool kTransA, bool kTransB, class Out>
WEFT_DEVICE void copy_tiles(const GemmCall<Out>& g, Shared<kTransA, kTransB>& s) {
  RingPlace<Config::kStages> at;
  for (int64_t i = block_index().x; i < g.tiles_m * g.tiles_n; i += grid_size().x) {
    const TilePlace tile = place_of_tile(g, i);
    for (int step = 0; step < g.steps; ++step, at.advance()) {
      wait(s.empty[at.stage], at.parity ^ 1u);
      copy_stage(g, s, at.stage, tile, step * Config::kTileK);
    }
  }
}

// The warp group's rows times the stage: issued.
template <bool kTransA, bool kTransB>
WEFT_DEVICE void multiply_stage(Shared<kTransA, kTransB>& s, int stage, int row, bool first,
                                Sums& sums) {
  constexpr Major kMajorA = kTransA ? Major::kMN : Major::kK;
  constexpr Major kMajorB = kTransB ? Major::kK : Major::kMN;
  WEFT_UNROLL
  for (int k = 0; k < Config::kTileK; k += 16) {
    MatrixDescriptor a, b;
    if constexpr (kTransA) a = s.a[stage].columns_by_k(k, row);
    else a = s.a[stage].rows_by_k(row, k);
    if constexpr (kTransB) b = s.b[stage].rows_by_k(0, k);
    else b = s.b[stage].columns_by_k(k, 0);
    multiply<kMajorA, kMajorB>(sums, a, b, !first || k > 0);
  }
  commit_products();
}

// A warp has read the stage: when all have, it may be filled again.
WEFT_DEVICE void release(Mbarrier& empty) {
  if (lane_index() == 0) arrive(empty);
}

template <bool kTransA, bool kTransB>
WEFT_DEVICE void multiply_tile(Shared<kTransA, kTransB>& s, RingPlace<Config::kStages>& at,
                               int64_t steps, int row, Sums& sums) {
  int before = 0;
  for (int64_t step = 0; step < steps; ++step) {
    wait(s.full[at.stage], at.parity);
    wgmma_fence(sums);
    multiply_stage(s, at.stage, row, step == 0, sums);
    if (step > 0) {
      wait_for_products<1>();
      release(s.empty[before]);
    }
    before = at.stage;
    at.advance();
  }
  wait_for_products<0>(sums);
  release(s.empty[before]);
}

// Columns [64 kRound, + 64) of a warp group's sums; of a gated tile 32 gates, then 32 values.
template <int kRound, bool kGated>
WEFT_DEVICE void stage_sums(Stage& stage, Sums& sums) {
  const int warp_row = static_cast<int>(thread_of_group() / kWarp) * 16;
  WEFT_UNROLL
  for (int j = 0; j < kColumnsOfRound / 8; ++j) {
    constexpr int kGates = kColumnsOfRound / 2 / 8;
    const int block = !kGated      ? kRound * kColumnsOfRound / 8 + j
                      : j < kGates ? kRound * kGates + j
                                   : kHalf / 8 + kRound * kGates + j - kGates;
    WEFT_UNROLL
    for (int v = 0; v < 4; v += 2) {
      const int column = j * 8 + fragment_column(v);
      store_vector(stage.chunk(warp_row + fragment_row(v), column / 4) + column % 4,
                   Vector<float, 2>{{sums(block, v), sums(block, v + 1)}});
    }
  }
}

template <bool kGated>
WEFT_DEVICE void stage_round(Stage& stage, int round, Sums& sums) {
  static_assert(kRounds == 4);
  switch (round) {  // sums are registers: their numbers are constants
    case 0: return stage_sums<0, kGated>(stage, sums);
    case 1: return stage_sums<1, kGated>(stage, sums);
    case 2: return stage_sums<2, kGated>(stage, sums);
    default: return stage_sums<3, kGated>(stage, sums);
  }
}

WEFT_DEVICE Eight read_eight(Stage& stage, int row, int column) {
  Eight eight;
  WEFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    const auto v = load_vector<4>(stage.chunk(row, column / 4 + half));
    WEFT_UNROLL
    for (int i = 0; i < 4; ++i) eight[4 * half + i] = v[i];
  }
  return eight;
}

// What is staged of a round, row by row.
template <class Out>
WEFT_DEVICE void write_round(const Epilogue<Out>& e, Stage& stage, TilePlace at, int round) {
  const int columns = e.gated ? kColumnsOfRound / 2 : kColumnsOfRound, pieces = columns / kEight;
  for (int i = static_cast<int>(thread_of_group()); i < Config::kRows * pieces;
       i += static_cast<int>(kWarpGroup)) {
    const int row = i / pieces, column = i % pieces * kEight;
    const int64_t to = at.column + round * columns + column;
    const Eight sums = read_eight(stage, row, column);
    if (e.gated)
      e.apply_gated_eight(at.row + row, to, sums, read_eight(stage, row, columns + column));
    else e.apply_eight(at.row + row, to, sums);
  }
}

template <class Out>
WEFT_DEVICE void write_tile(const Epilogue<Out>& e, Stage& stage, TilePlace at, unsigned consumer,
                            Sums& sums) {
  for (int round = 0; round < kRounds; ++round) {
    if (e.gated) stage_round<true>(stage, round, sums);
    else stage_round<false>(stage, round, sums);
    named_barrier(kStaged + consumer, kWarpGroup);
    write_round(e, stage, at, round);
    named_barrier(kStaged + consumer, kWarpGroup);  // before the stage is written again
  }
}

template <bool kTransA, bool kTransB, class Out>
WEFT_DEVICE void consume(const GemmCall<Out>& g, Shared<kTransA, kTransB>& s) {
  const unsigned consumer = warp_group_index() - 1;
  const int row = static_cast<int>(consumer) * Config::kRows;
  RingPlace<Config::kStages> at;
  for (int64_t i = block_index().x; i < g.tiles_m * g.tiles_n; i += grid_size().x) {
    Sums sums;
    multiply_tile(s, at, g.steps, row, sums);
    TilePlace tile = place_of_tile(g, i);
    tile.row += row;
    write_tile(g.epilogue, s.out[consumer], tile, consumer, sums);
  }
}

template <bool kTransA, bool kTransB, class Out>
WEFT_KERNEL(Config::kThreads, 1)
gemm_sm90_kernel(WEFT_GRID_CONSTANT GemmCall<Out> g) {
  auto& s = shared_memory<Shared<kTransA, kTransB>>();
  if (thread_index() == 0) {
    for (const TensorMap* map : {&g.a, &g.b}) prefetch(*map);
    for (int i = 0; i < Config::kStages; ++i) {
      init(s.full[i], 1);
      init(s.empty[i], Config::kConsumers * kWarpGroup / kWarp);
    }
    fence_mbarriers();
  }
  block_barrier();
  if (warp_group_index() == 0) {
    give_registers_back<Config::kRegistersToCopy>();
    if (warp_index() == 0 && elect_lane()) copy_tiles(g, s);
  } else {
    take_registers<Config::kRegistersToMultiply>();
    consume(g, s);
  }
}

// An operand as it lies, with boxes of 64 columns.
struct Operand {
  const void* data;
  int64_t rows, columns, stride;
  int box_rows;

  TensorMapSpec spec() const {
    const int64_t elements = stride == 0 ? columns : stride;
    return {.data = data,
            .size = {columns, rows, 1, 1},
            .stride = {0, elements * int64_t{sizeof(BFloat16)}, 0, 0},
            .box = {64, static_cast<uint32_t>(box_rows), 1, 1}};
  }
};

Operand operand_a(const GemmSpec& s, const GemmArgs& a) {
  if (s.trans_a) return {a.a, s.k, s.m, s.lda, Config::kTileK};
  return {a.a, s.m, s.k, s.lda, Config::kTileM};
}
Operand operand_b(const GemmSpec& s, const GemmArgs& a) {
  const int64_t columns = s.gated ? 2 * s.n : s.n;
  if (s.trans_b) return {a.b, columns, s.k, s.ldb, kHalf};
  return {a.b, s.k, columns, s.ldb, Config::kTileK};
}

template <bool kTransA, bool kTransB, class Out>
void launch_gemm(Stream stream, const GemmSpec& s, const GemmArgs& a) {
  const GemmCall<Out> call{make_tensor_map(operand_a(s, a).spec()),
                           make_tensor_map(operand_b(s, a).spec()),
                           ceil_div(s.k, Config::kTileK),
                           ceil_div(s.m, Config::kTileM),
                           ceil_div(s.n, s.gated ? kHalf : Config::kTileN),
                           Epilogue<Out>(s, a)};
  const int64_t blocks = std::min<int64_t>(multiprocessors(), call.tiles_m * call.tiles_n);
  constexpr Design kDesign{.threads = Config::kThreads,
                           .shared_bytes = sizeof(Shared<kTransA, kTransB>)};
  launch<gemm_sm90_kernel<kTransA, kTransB, Out>, kDesign>(stream, {static_cast<unsigned>(blocks)},
                                                           "gemm_sm90", call);
}

template <class Out>
void launch_layout(Stream stream, const GemmSpec& s, const GemmArgs& a) {
  for_layout(s, [&](auto trans_a, auto trans_b) {
    launch_gemm<decltype(trans_a)::value, decltype(trans_b)::value, Out>(stream, s, a);
  });
}

}  // namespace

bool gemm_sm90_fits(const GemmSpec& spec, const GemmArgs& args) {
  constexpr int64_t kMostCoordinate = int64_t{1} << 31;  // of a box
  const bool wide = spec.m >= Config::kLeast && spec.n >= Config::kLeast;
  const bool counted =
      spec.m < kMostCoordinate && 2 * spec.n < kMostCoordinate && spec.k < kMostCoordinate;
  return wide && counted && tensor_map_fits(operand_a(spec, args).spec()) &&
         tensor_map_fits(operand_b(spec, args).spec());
}

void gemm_sm90(cuda::Stream stream, const GemmSpec& spec, const GemmArgs& args) {
  WEFT_ASSERT(gemm_sm90_fits(spec, args));
  if (spec.output == DType::kF32) return launch_layout<float>(stream, spec, args);
  launch_layout<BFloat16>(stream, spec, args);
}

}  // namespace weft::kernels
