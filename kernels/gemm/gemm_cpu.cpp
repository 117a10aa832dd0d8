// The GEMM plan: how a product is cut into tiles, and what a worker does with one.
#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/cpu_isa.h"
#include "kernels/gemm/epilogue.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/small_product.h"
#include "kernels/gemm/thin_product.h"
#include "kernels/gemm/tile_product.h"
#include "weft/error.h"
#include "weft/kernel_choice.h"

namespace weft::kernels {
namespace {

// Tile sizes, measured on one Sapphire Rapids core (2 MiB of L2) in f32 with rows of 768 to 3072:
// 64 x 128 gives 137 GFLOP/s, 128 x 256 152 to 159, 256 x 384 158 to 166, 512 x 2304 143. The
// second is taken: it is within 5 % of the best and has three times as many tiles to share out.
constexpr int64_t kTileM = 128, kTileN = 256;
// AMX multiplies so fast that a tile's fixed costs would show: larger ones.
constexpr int64_t kAmxTileM = 256, kAmxTileN = 512;
// Widened tiles of A and B (1.5 MiB with the above) should stay in the second-level cache.
constexpr int64_t kWidenedK = 1024;

// A product of few tiles is cut finer, down to these, until each of a few threads has one.
constexpr int64_t kFewTiles = 4, kLeastTileM = 64, kLeastTileN = 128;
// Elements of an operand that stays in the second-level cache.
constexpr int64_t kCachedOperand = 1 << 18;

constexpr size_t kAlignment = 64;
size_t aligned(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}
int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Equal parts of at most `target`, rounded up to a multiple of `unit`.
int64_t balanced(int64_t size, int64_t target, int64_t unit) {
  const int64_t part = ceil_div(size, ceil_div(size, target));
  return std::min(size, ceil_div(part, unit) * unit);
}

struct Blocking {
  bool plain = false;  // the reference: loops in place of oneDNN
  bool thin = false;   // row by row, without oneDNN
  bool small = false;  // in registers, without oneDNN
  bool widen = false;  // bfloat16 operands become float tiles
  bool pack = false;   // bfloat16 operands are brought into oneDNN's layouts before the first tile
  int64_t tile_m = 0, tile_n = 0, block_k = 0;
};

void cut_finer(const GemmSpec& s, Blocking& b) {
  const auto few = [&] { return ceil_div(s.m, b.tile_m) * ceil_div(s.n, b.tile_n) < kFewTiles; };
  while (few() && b.tile_n >= 2 * kLeastTileN) b.tile_n = ceil_div(b.tile_n / 2, 64) * 64;
  while (few() && b.tile_m >= 2 * kLeastTileM) b.tile_m = ceil_div(b.tile_m / 2, 16) * 16;
}

Blocking choose_blocking(const GemmSpec& s, int workers) {
  Blocking b;
  b.plain = kernel_choice() == KernelChoice::kReference;
  b.thin = is_thin(s) && !b.plain;
  const bool bf16 = s.input == DType::kBF16;
  b.widen = bf16 && !b.thin && !b.plain && !(has_fast_bf16_dot() && onednn_multiplies_bf16());
  if (!b.thin && !b.plain && (!bf16 || b.widen) && is_small(s)) {
    const SmallTile tile = small_tile(s);
    return {.small = true, .tile_m = tile.rows, .tile_n = tile.columns, .block_k = s.k};
  }
  // Otherwise oneDNN would pack B again for each tile, which takes half of an AMX product's time.
  b.pack = bf16 && !b.thin && !b.plain && !b.widen;
  const bool amx = bf16 && !b.widen && cpu_isa() == CpuIsa::kAmx;
  b.tile_m = b.thin ? s.m : balanced(s.m, amx ? kAmxTileM : kTileM, 16);
  b.tile_n = b.thin ? thin_tile_columns(s, workers) : balanced(s.n, amx ? kAmxTileN : kTileN, 64);
  b.block_k = b.widen ? balanced(s.k, kWidenedK, 16) : s.k;
  if (!b.thin) cut_finer(s, b);
  return b;
}

GemmSpec with_leading_dimensions(GemmSpec s) {
  const int64_t columns_b = s.gated ? 2 * s.n : s.n;
  if (s.lda == 0) s.lda = s.trans_a ? s.m : s.k;
  if (s.ldb == 0) s.ldb = s.trans_b ? s.k : columns_b;
  if (s.ldc == 0) s.ldc = s.n;
  return s;
}

// One worker's scratch memory, as offsets in bytes; and what a packed operand takes for each row,
// or column, of tiles behind the memory of all workers.
struct ScratchLayout {
  size_t a = 0, b = 0, bias = 0, onednn = 0, bytes = 0;  // the sums of the tile lie at 0
  size_t packed_a = 0, packed_b = 0;
};

const std::byte* at(const void* base, int64_t elements, DType dtype) {
  return static_cast<const std::byte*>(base) + elements * size_of(dtype);
}

void copy_as_float(const void* from, DType dtype, int64_t first, int64_t count, float* to) {
  const std::byte* source = at(from, first, dtype);
  if (dtype == DType::kF32) {
    std::memcpy(to, source, static_cast<size_t>(count) * sizeof(float));
  } else {
    widen_tile(reinterpret_cast<const BFloat16*>(source), count, 1, count, to);
  }
}

// The parts of a tile that has been chosen: where it starts and how large it is.
struct TileRange {
  int64_t m0, n0, rows, columns;
};
struct BlockRange {
  int64_t k0, size;
};

}  // namespace

struct GemmPlan::Impl {
  GemmSpec spec;
  Blocking blocking;
  int workers = 1;
  ScratchLayout layout;
  // By (last row of tiles, last column of tiles, last block of K, accumulates).
  std::array<std::unique_ptr<TileProduct>, 16> products;

  Impl(const GemmSpec& given, int worker_count);
  bool uses_products() const { return !blocking.thin && !blocking.small; }
  // Whether a small product needs no other epilogue than its own.
  bool is_final(const GemmArgs& args) const {
    return !spec.activation && !spec.residual && !spec.save_pre_activation &&
           spec.bias_dtype == DType::kF32 && args.alpha == 1.0f && !args.accumulate;
  }
  void run_small(const GemmArgs& args, const TileRange& range, std::byte* scratch) const;
  int64_t halves() const { return spec.gated ? 2 : 1; }
  int64_t tiles_m() const { return ceil_div(spec.m, blocking.tile_m); }
  int64_t tiles_n() const { return ceil_div(spec.n, blocking.tile_n); }
  int64_t blocks_k() const { return ceil_div(spec.k, blocking.block_k); }
  TileRange range_at(int64_t row, int64_t column) const;  // in tiles
  TileRange range_of(int64_t tile) const;
  TileShape shape_of(const TileRange& range, int64_t block) const;
  size_t product_index(const TileRange& range, int64_t block) const;
  template <class Visit>
  void for_each_shape(Visit visit) const;
  void lay_out_scratch();

  size_t scratch_bytes() const;
  std::byte* packed_a(std::byte* scratch, int64_t row) const;
  std::byte* packed_b(std::byte* scratch, int64_t column, int64_t half) const;
  void pack(const GemmArgs& args, int64_t task, std::byte* scratch, int worker) const;
  const void* operand_a(const void* a, const TileRange& tile, const BlockRange& block,
                        float* wide) const;
  const void* operand_b(const void* b, const TileRange& tile, const BlockRange& block,
                        float* wide) const;
  void multiply(const GemmArgs& args, const TileRange& range, std::byte* scratch, int worker) const;
  void multiply_packed(const GemmArgs& args, const TileRange& range, std::byte* scratch,
                       int worker) const;
  template <class T>
  void finish(const GemmArgs& args, const TileRange& range, std::byte* scratch) const;
  void run_tile(const GemmArgs& args, int64_t tile, std::byte* scratch, int worker) const;
  float* sums(std::byte* scratch, int64_t half) const {
    return reinterpret_cast<float*>(scratch) + half * blocking.tile_m * blocking.tile_n;
  }
};

namespace {

void check(const GemmSpec& s, int workers) {
  const auto f32_or_bf16 = [](DType d) { return d == DType::kF32 || d == DType::kBF16; };
  WEFT_ASSERT(s.m >= 1 && s.n >= 1 && s.k >= 1 && workers >= 1);
  WEFT_ASSERT(f32_or_bf16(s.input) && f32_or_bf16(s.output) && f32_or_bf16(s.bias_dtype));
  const int64_t columns_b = s.gated ? 2 * s.n : s.n;
  WEFT_ASSERT(s.activation || !s.gated);
  WEFT_ASSERT(s.lda >= (s.trans_a ? s.m : s.k) && s.ldc >= s.n);
  WEFT_ASSERT(s.ldb >= (s.trans_b ? s.k : columns_b));
}

}  // namespace

GemmPlan::Impl::Impl(const GemmSpec& given, int worker_count)
    : spec(with_leading_dimensions(given)),
      blocking(choose_blocking(spec, worker_count)),
      workers(worker_count) {
  check(spec, workers);
  lay_out_scratch();
}

TileRange GemmPlan::Impl::range_at(int64_t row, int64_t column) const {
  const int64_t m0 = row * blocking.tile_m, n0 = column * blocking.tile_n;
  return {m0, n0, std::min(blocking.tile_m, spec.m - m0), std::min(blocking.tile_n, spec.n - n0)};
}

// Tiles of one column of tiles follow each other where B is large, so that its part of them stays
// in the cache. Else they go by rows, as other operators do: a thread finds in its cache the rows
// that it wrote before.
TileRange GemmPlan::Impl::range_of(int64_t tile) const {
  if (spec.k * spec.n <= kCachedOperand) return range_at(tile / tiles_n(), tile % tiles_n());
  return range_at(tile % tiles_m(), tile / tiles_m());
}

TileShape GemmPlan::Impl::shape_of(const TileRange& range, int64_t block) const {
  TileShape shape{.m = range.rows,
                  .n = range.columns,
                  .k = std::min(blocking.block_k, spec.k - block * blocking.block_k),
                  .lda = spec.lda,
                  .ldb = spec.ldb,
                  .ldc = range.columns,
                  .trans_a = spec.trans_a,
                  .trans_b = spec.trans_b,
                  .input = spec.input,
                  .accumulate = block > 0,
                  .packed_for_m = blocking.pack ? blocking.tile_m : 0};
  if (blocking.widen) {
    shape.input = DType::kF32;
    shape.lda = spec.trans_a ? shape.m : shape.k;
    shape.ldb = spec.trans_b ? shape.k : shape.n;
  }
  return shape;
}

size_t GemmPlan::Impl::product_index(const TileRange& range, int64_t block) const {
  const bool last_m = range.rows != blocking.tile_m, last_n = range.columns != blocking.tile_n;
  return (last_m ? 1u : 0u) + (last_n ? 2u : 0u) + (block + 1 == blocks_k() ? 4u : 0u) +
         (block > 0 ? 8u : 0u);
}

// Every shape that occurs, once: tiles inside and at the two far edges; the first, a middle and the
// last block of K.
template <class Visit>
void GemmPlan::Impl::for_each_shape(Visit visit) const {
  const int64_t last_m = tiles_m() - 1, last_n = tiles_n() - 1, last_k = blocks_k() - 1;
  std::array<bool, 16> seen{};
  const TileRange corners[] = {range_at(0, 0), range_at(last_m, 0), range_at(0, last_n),
                               range_at(last_m, last_n)};
  for (const TileRange& range : corners) {
    for (const int64_t block : {int64_t{0}, std::min<int64_t>(1, last_k), last_k}) {
      const size_t index = product_index(range, block);
      if (!seen[index]) visit(index, shape_of(range, block));
      seen[index] = true;
    }
  }
}

void GemmPlan::Impl::lay_out_scratch() {
  const int64_t m = blocking.tile_m, n = blocking.tile_n, k = blocking.block_k;
  const auto floats = [](int64_t count) {
    return aligned(static_cast<size_t>(count) * sizeof(float));
  };
  layout.a = floats(halves() * m * n);
  layout.b = layout.a + (blocking.widen ? floats(m * k) : 0);
  layout.bias = layout.b + (blocking.widen ? floats(k * n) : 0);
  layout.onednn = layout.bias + (spec.bias ? 2 * floats(n) : 0);
  size_t most = 0;
  if (blocking.small) most = small_scratch_bytes(spec, m);
  if (uses_products()) {
    for_each_shape([&](size_t, const TileShape& shape) {
      const TileMemory memory =
          blocking.plain ? TileMemory{plain_scratch_bytes(shape), 0, 0} : onednn_memory(shape);
      most = std::max(most, memory.scratch);
      layout.packed_a = std::max(layout.packed_a, aligned(memory.packed_a));
      layout.packed_b = std::max(layout.packed_b, aligned(memory.packed_b));
    });
  }
  layout.bytes = layout.onednn + aligned(most);
}

size_t GemmPlan::Impl::scratch_bytes() const {
  return layout.bytes * static_cast<size_t>(workers) +
         layout.packed_a * static_cast<size_t>(tiles_m()) +
         layout.packed_b * static_cast<size_t>(halves() * tiles_n());
}

// `scratch` is that of all workers.
std::byte* GemmPlan::Impl::packed_a(std::byte* scratch, int64_t row) const {
  return scratch + layout.bytes * static_cast<size_t>(workers) +
         layout.packed_a * static_cast<size_t>(row);
}
std::byte* GemmPlan::Impl::packed_b(std::byte* scratch, int64_t column, int64_t half) const {
  return packed_a(scratch, tiles_m()) +
         layout.packed_b * static_cast<size_t>(half * tiles_n() + column);
}

// Task i packs a column of tiles' part of B (of the second half after those of the first), then a
// row of tiles' part of A.
void GemmPlan::Impl::pack(const GemmArgs& args, int64_t task, std::byte* scratch,
                          int worker) const {
  const int64_t columns = halves() * tiles_n();
  std::byte* own = scratch + static_cast<size_t>(worker) * layout.bytes + layout.onednn;
  const BlockRange all{0, spec.k};
  if (task < columns) {
    TileRange range = range_at(0, task % tiles_n());
    const TileProduct& product = *products[product_index(range, 0)];
    range.n0 += task / tiles_n() * spec.n;
    product.pack_b(operand_b(args.b, range, all, nullptr),
                   packed_b(scratch, task % tiles_n(), task / tiles_n()), own, worker);
    return;
  }
  const TileRange range = range_at(task - columns, 0);
  products[product_index(range, 0)]->pack_a(operand_a(args.a, range, all, nullptr),
                                            packed_a(scratch, task - columns), own, worker);
}

const void* GemmPlan::Impl::operand_a(const void* a, const TileRange& tile, const BlockRange& block,
                                      float* wide) const {
  const int64_t m0 = tile.m0, k0 = block.k0, rows = tile.rows;
  const std::byte* source =
      at(a, spec.trans_a ? k0 * spec.lda + m0 : m0 * spec.lda + k0, spec.input);
  if (!blocking.widen) return source;
  widen_tile(reinterpret_cast<const BFloat16*>(source), spec.lda, spec.trans_a ? block.size : rows,
             spec.trans_a ? rows : block.size, wide);
  return wide;
}

const void* GemmPlan::Impl::operand_b(const void* b, const TileRange& tile, const BlockRange& block,
                                      float* wide) const {
  const int64_t n0 = tile.n0, k0 = block.k0, columns = tile.columns;
  const std::byte* source =
      at(b, spec.trans_b ? n0 * spec.ldb + k0 : k0 * spec.ldb + n0, spec.input);
  if (!blocking.widen) return source;
  widen_tile(reinterpret_cast<const BFloat16*>(source), spec.ldb,
             spec.trans_b ? columns : block.size, spec.trans_b ? block.size : columns, wide);
  return wide;
}

// A block of K of A serves both halves of a gated product while it is widened.
void GemmPlan::Impl::multiply(const GemmArgs& args, const TileRange& range, std::byte* scratch,
                              int worker) const {
  float* wide_a = reinterpret_cast<float*>(scratch + layout.a);
  float* wide_b = reinterpret_cast<float*>(scratch + layout.b);
  for (int64_t i = 0; i < blocks_k(); ++i) {
    const int64_t k0 = i * blocking.block_k;
    const BlockRange block{k0, std::min(blocking.block_k, spec.k - k0)};
    const TileProduct& product = *products[product_index(range, i)];
    const void* a = operand_a(args.a, range, block, wide_a);
    TileRange part = range;
    for (int64_t half = 0; half < halves(); ++half, part.n0 += spec.n) {
      const void* b = operand_b(args.b, part, block, wide_b);
      product.run(a, b, sums(scratch, half), scratch + layout.onednn, worker);
    }
  }
}

void GemmPlan::Impl::multiply_packed(const GemmArgs& args, const TileRange& range,
                                     std::byte* scratch, int worker) const {
  std::byte* own = scratch + static_cast<size_t>(worker) * layout.bytes;
  const TileProduct& product = *products[product_index(range, 0)];
  const void* a = layout.packed_a > 0 ? packed_a(scratch, range.m0 / blocking.tile_m)
                                      : operand_a(args.a, range, {0, spec.k}, nullptr);
  for (int64_t half = 0; half < halves(); ++half) {
    const void* b = packed_b(scratch, range.n0 / blocking.tile_n, half);
    product.run(a, b, sums(own, half), own + layout.onednn, worker);
  }
}

template <class T>
void GemmPlan::Impl::finish(const GemmArgs& args, const TileRange& range,
                            std::byte* scratch) const {
  const int64_t ld_pre = halves() * spec.n, first = range.m0 * spec.ldc + range.n0;
  const bool two = halves() == 2;
  float* bias = reinterpret_cast<float*>(scratch + layout.bias);
  float* bias_up =
      bias + aligned(static_cast<size_t>(blocking.tile_n) * sizeof(float)) / sizeof(float);
  EpilogueTile<T> tile{.rows = range.rows,
                       .columns = range.columns,
                       .ld_sums = range.columns,
                       .ldc = spec.ldc,
                       .ld_pre = ld_pre,
                       .alpha = args.alpha,
                       .accumulate = args.accumulate,
                       .sums = sums(scratch, 0)};
  tile.c = static_cast<T*>(args.c) + first;
  if (two) tile.sums_up = sums(scratch, 1);
  if (spec.residual) tile.residual = static_cast<const T*>(args.residual) + first;
  if (spec.bias) {
    copy_as_float(args.bias, spec.bias_dtype, range.n0, range.columns, bias);
    tile.bias = bias;
    if (two) {
      copy_as_float(args.bias, spec.bias_dtype, spec.n + range.n0, range.columns, bias_up);
      tile.bias_up = bias_up;
    }
  }
  if (spec.save_pre_activation) {
    tile.pre = static_cast<T*>(args.pre_activation) + range.m0 * ld_pre + range.n0;
    if (two) tile.pre_up = tile.pre + spec.n;
  }
  apply_epilogue(tile, spec.activation);
}

void GemmPlan::Impl::run_small(const GemmArgs& args, const TileRange& range,
                               std::byte* scratch) const {
  SmallArgs tile{.a = args.a,
                 .b = args.b,
                 .first_row = range.m0,
                 .first_column = range.n0,
                 .rows = range.rows,
                 .columns = range.columns,
                 .scratch = scratch + layout.onednn};
  if (is_final(args)) {
    const int64_t first = range.m0 * spec.ldc + range.n0;
    tile.c = static_cast<std::byte*>(args.c) + first * size_of(spec.output);
    tile.ldc = spec.ldc;
    tile.output = spec.output;
    if (spec.bias) tile.bias = static_cast<const float*>(args.bias) + range.n0;
    return multiply_small(spec, tile);
  }
  tile.ldc = range.columns;
  for (int64_t half = 0; half < halves(); ++half, tile.first_column += spec.n) {
    tile.c = sums(scratch, half);
    multiply_small(spec, tile);
  }
}

void GemmPlan::Impl::run_tile(const GemmArgs& args, int64_t tile, std::byte* scratch,
                              int worker) const {
  const TileRange range = range_of(tile);
  std::byte* mine = scratch + static_cast<size_t>(worker) * layout.bytes;
  if (blocking.thin) {
    for (int64_t half = 0; half < halves(); ++half) {
      multiply_thin(spec, {.a = args.a,
                           .b = args.b,
                           .first_column = range.n0 + half * spec.n,
                           .columns = range.columns,
                           .sums = sums(mine, half)});
    }
  } else if (blocking.small) {
    run_small(args, range, mine);
    if (is_final(args)) return;
  } else if (blocking.pack) {
    multiply_packed(args, range, scratch, worker);
  } else {
    multiply(args, range, mine, worker);
  }
  if (spec.output == DType::kF32) finish<float>(args, range, mine);
  else finish<BFloat16>(args, range, mine);
}

GemmPlan::GemmPlan(const GemmSpec& spec, int workers)
    : impl_(std::make_unique<Impl>(spec, workers)) {
  if (!impl_->uses_products()) return;
  impl_->for_each_shape([&](size_t index, const TileShape& shape) {
    impl_->products[index] =
        impl_->blocking.plain ? make_plain_product(shape) : make_onednn_product(shape, workers);
  });
}

GemmPlan::~GemmPlan() = default;
GemmPlan::GemmPlan(GemmPlan&&) noexcept = default;
GemmPlan& GemmPlan::operator=(GemmPlan&&) noexcept = default;

size_t GemmPlan::scratch_bytes(const GemmSpec& spec, int workers) {
  return Impl(spec, workers).scratch_bytes();
}

size_t GemmPlan::scratch_bytes() const {
  return impl_->scratch_bytes();
}

const GemmSpec& GemmPlan::spec() const {
  return impl_->spec;
}

const char* GemmPlan::kernel_name() const {
  if (impl_->blocking.plain) return "plain";
  if (impl_->blocking.thin) return "thin";
  if (impl_->blocking.small) return "small";
  if (impl_->blocking.widen) return "onednn f32 from bf16";
  return impl_->spec.input == DType::kF32 ? "onednn f32" : "onednn bf16";
}

void GemmPlan::execute(const GemmArgs& args, void* scratch, const ParallelFor& parallel) const {
  const Impl& plan = *impl_;
  WEFT_ASSERT(parallel.threads() <= plan.workers);
  WEFT_ASSERT(reinterpret_cast<uintptr_t>(scratch) % kAlignment == 0);
  WEFT_ASSERT(!args.accumulate || plan.spec.output == DType::kF32);
  if (plan.blocking.pack) {
    const int64_t tasks =
        plan.halves() * plan.tiles_n() + (plan.layout.packed_a > 0 ? plan.tiles_m() : 0);
    parallel(tasks, [&](int64_t task, int worker) {
      plan.pack(args, task, static_cast<std::byte*>(scratch), worker);
    });
  }
  parallel(plan.tiles_m() * plan.tiles_n(), [&](int64_t tile, int worker) {
    plan.run_tile(args, tile, static_cast<std::byte*>(scratch), worker);
  });
}

}  // namespace weft::kernels
