// The GEMM plan: what workers do with the tiles that a product is cut into (blocking.h).
#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/gemm/block_product.h"
#include "kernels/gemm/blocking.h"
#include "kernels/gemm/epilogue.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/panel_product.h"
#include "kernels/gemm/thin_product.h"
#include "kernels/gemm/tile_product.h"
#include "kernels/simd/tiles.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

// Rows of A that products of panels pack for all columns of tiles at once: bytes. More would make
// the plan's memory grow, and so many rows make tiles enough without cutting columns.
constexpr size_t kMostSharedRows = 8 << 20;

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
  size_t bias = 0, product = 0, bytes = 0;  // the sums of the tile lie at 0
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

}  // namespace

struct GemmPlan::Impl {
  GemmSpec spec;
  GemmBlocking blocking;
  int workers = 1;
  ScratchLayout layout;
  // By (last row of tiles, last column of tiles); kPlain's and kOneDnn's.
  std::array<std::unique_ptr<TileProduct>, 4> products;

  Impl(const GemmSpec& given, int worker_count);
  int64_t halves() const { return spec.gated ? 2 : 1; }
  int64_t tiles_m() const { return ceil_div(spec.m, blocking.tile_m); }
  int64_t tiles_n() const { return ceil_div(spec.n, blocking.tile_n); }
  // What B is packed in: columns of tiles, or panels of a whole half, or in its place the sums of
  // its slices.
  int64_t packed_columns() const {
    return blocking.method == GemmMethod::kPanels || is_sliced() ? 1 : tiles_n();
  }
  bool is_sliced() const { return blocking.slicing.slices > 1; }
  int64_t parts_of_slice() const { return ceil_div(spec.n, blocking.slicing.columns); }
  bool uses_products() const {
    return blocking.method == GemmMethod::kPlain || blocking.method == GemmMethod::kOneDnn;
  }
  // Whether nothing is left to be done to what a kernel makes, which then lies where the result
  // belongs.
  bool is_final(const GemmArgs& args) const {
    if (spec.activation || spec.residual || spec.save_pre_activation || args.alpha != 1.0f)
      return false;
    if (blocking.method == GemmMethod::kPanels)
      return !spec.bias || (spec.bias_dtype == DType::kF32 && !args.accumulate);
    const bool rounds = spec.output == DType::kF32 || blocking.packed == Packed::kPairs;
    return blocking.method == GemmMethod::kBlocks && rounds && !spec.bias;
  }
  TileRange range_of(int64_t tile) const;
  TileShape shape_of(const TileRange& range) const;
  size_t product_index(const TileRange& range) const;
  template <class Visit>
  void for_each_shape(Visit visit) const;
  void lay_out_scratch();

  size_t scratch_bytes() const;
  std::byte* packed_a(std::byte* scratch, int64_t row) const;
  std::byte* packed_b(std::byte* scratch, int64_t column, int64_t half) const;
  int64_t pack_tasks() const;
  void pack(const GemmArgs& args, int64_t task, std::byte* scratch, int worker) const;
  void pack_for_panels(const GemmArgs& args, int64_t task, std::byte* scratch) const;
  const void* operand_a(const GemmArgs& args, const TileRange& range) const;
  const void* rows_for_panels(const GemmArgs& args, const TileRange& range, std::byte* scratch,
                              std::byte* own) const;
  const void* operand_b(const GemmArgs& args, const TileRange& range, int64_t half) const;
  void sum_slice(const GemmArgs& args, int64_t task, std::byte* scratch) const;
  void multiply_few_rows(const GemmArgs& args, const TileRange& range, std::byte* scratch,
                         std::byte* own) const;
  void multiply_of_panels(const GemmArgs& args, const TileRange& range, std::byte* scratch,
                          int worker) const;
  void multiply_blocks(const GemmArgs& args, const TileRange& range, std::byte* own) const;
  void put_result(const GemmArgs& args, const TileRange& range, BlockTile& tile) const;
  void multiply_plain(const GemmArgs& args, const TileRange& range, std::byte* own) const;
  void multiply_by_onednn(const GemmArgs& args, const TileRange& range, std::byte* scratch,
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

// Tiles of one column of tiles follow each other, so that its part of B stays in the cache.
TileRange GemmPlan::Impl::range_of(int64_t tile) const {
  const int64_t row = tile % tiles_m(), column = tile / tiles_m();
  const int64_t m0 = row * blocking.tile_m, n0 = column * blocking.tile_n;
  return {m0, n0, std::min(blocking.tile_m, spec.m - m0), std::min(blocking.tile_n, spec.n - n0)};
}

TileShape GemmPlan::Impl::shape_of(const TileRange& range) const {
  return {.m = range.rows,
          .n = range.columns,
          .k = spec.k,
          .lda = spec.lda,
          .ldb = spec.ldb,
          .ldc = range.columns,
          .trans_a = spec.trans_a,
          .trans_b = spec.trans_b,
          .input = spec.input,
          .packed_for_m = blocking.method == GemmMethod::kOneDnn ? blocking.tile_m : 0};
}

size_t GemmPlan::Impl::product_index(const TileRange& range) const {
  return (range.rows != blocking.tile_m ? 1u : 0u) + (range.columns != blocking.tile_n ? 2u : 0u);
}

// Every shape that occurs, once: of tiles inside and at the two far edges.
template <class Visit>
void GemmPlan::Impl::for_each_shape(Visit visit) const {
  const int64_t last_m = tiles_m() - 1, last_n = tiles_n() - 1;
  std::array<bool, 4> seen{};
  for (const int64_t tile : {int64_t{0}, last_m, last_n * tiles_m(), last_n * tiles_m() + last_m}) {
    const TileRange range = range_of(tile);
    const size_t index = product_index(range);
    if (!seen[index]) visit(index, shape_of(range));
    seen[index] = true;
  }
}

void GemmPlan::Impl::lay_out_scratch() {
  const auto floats = [](int64_t count) {
    return aligned(static_cast<size_t>(count) * sizeof(float));
  };
  layout.bias = floats(halves() * blocking.tile_m * blocking.tile_n);
  layout.product = layout.bias + (spec.bias ? 2 * floats(blocking.tile_n) : 0);
  size_t most = 0;
  if (blocking.method == GemmMethod::kPanels) {
    const size_t rows = panel_rows_bytes(spec, blocking.packed, blocking.tile_m);
    const bool shared = tiles_n() > 1 && rows * static_cast<size_t>(tiles_m()) <= kMostSharedRows;
    (shared ? layout.packed_a : most) = rows;
    layout.packed_b = panels_bytes(spec, blocking.packed);
  }
  if (is_sliced()) layout.packed_b = floats(blocking.slicing.slices * spec.m * spec.n);
  if (blocking.method == GemmMethod::kBlocks)
    most = block_tile_scratch_bytes(blocking.tile_m, blocking.packed);
  if (uses_products()) {
    for_each_shape([&](size_t, const TileShape& shape) {
      const TileMemory memory = blocking.method == GemmMethod::kPlain
                                    ? TileMemory{plain_scratch_bytes(shape), 0, 0}
                                    : onednn_memory(shape);
      most = std::max(most, memory.scratch);
      layout.packed_a = std::max(layout.packed_a, aligned(memory.packed_a));
      layout.packed_b = std::max(layout.packed_b, aligned(memory.packed_b));
    });
  }
  layout.bytes = layout.product + aligned(most);
}

size_t GemmPlan::Impl::scratch_bytes() const {
  return layout.bytes * static_cast<size_t>(workers) +
         layout.packed_a * static_cast<size_t>(tiles_m()) +
         layout.packed_b * static_cast<size_t>(halves() * packed_columns());
}

// `scratch` is that of all workers.
std::byte* GemmPlan::Impl::packed_a(std::byte* scratch, int64_t row) const {
  return scratch + layout.bytes * static_cast<size_t>(workers) +
         layout.packed_a * static_cast<size_t>(row);
}
std::byte* GemmPlan::Impl::packed_b(std::byte* scratch, int64_t column, int64_t half) const {
  return packed_a(scratch, tiles_m()) +
         layout.packed_b * static_cast<size_t>(half * packed_columns() + column);
}

int64_t GemmPlan::Impl::pack_tasks() const {
  if (blocking.method == GemmMethod::kPanels)
    return panel_pack_tasks(spec) + (layout.packed_a > 0 ? tiles_m() : 0);
  if (is_sliced()) return halves() * blocking.slicing.slices * parts_of_slice();
  if (blocking.method != GemmMethod::kOneDnn) return 0;
  return halves() * tiles_n() + (layout.packed_a > 0 ? tiles_m() : 0);
}

// For oneDNN, task i packs a column of tiles' part of B (of the second half after
// those of the first), then a row of tiles' part of A.
void GemmPlan::Impl::pack(const GemmArgs& args, int64_t task, std::byte* scratch,
                          int worker) const {
  if (blocking.method == GemmMethod::kPanels) return pack_for_panels(args, task, scratch);
  if (blocking.method == GemmMethod::kThin) return sum_slice(args, task, scratch);
  const int64_t columns = halves() * tiles_n();
  std::byte* own = scratch + static_cast<size_t>(worker) * layout.bytes + layout.product;
  if (task < columns) {
    const int64_t column = task % tiles_n(), half = task / tiles_n();
    const TileRange range = range_of(column * tiles_m());
    products[product_index(range)]->pack_b(operand_b(args, range, half),
                                           packed_b(scratch, column, half), own, worker);
    return;
  }
  const TileRange range = range_of(task - columns);
  products[product_index(range)]->pack_a(operand_a(args, range), packed_a(scratch, task - columns),
                                         own, worker);
}

// The larger tasks, rows of A, first: whoever is done with his helps with what is left.
void GemmPlan::Impl::pack_for_panels(const GemmArgs& args, int64_t task, std::byte* scratch) const {
  const int64_t rows = layout.packed_a > 0 ? tiles_m() : 0;
  if (task >= rows)
    return pack_panels(spec, args.b, task - rows, blocking.packed, packed_b(scratch, 0, 0));
  const TileRange range = range_of(task);
  pack_panel_rows(spec, operand_a(args, range), range.rows, blocking.packed,
                  packed_a(scratch, task));
}

const void* GemmPlan::Impl::operand_a(const GemmArgs& args, const TileRange& range) const {
  return at(args.a, range.m0 * (spec.trans_a ? 1 : spec.lda), spec.input);
}
const void* GemmPlan::Impl::operand_b(const GemmArgs& args, const TileRange& range,
                                      int64_t half) const {
  return at(args.b, (range.n0 + half * spec.n) * (spec.trans_b ? spec.ldb : 1), spec.input);
}

// The tile's rows of A, packed now if that has not been done before for all columns of tiles.
const void* GemmPlan::Impl::rows_for_panels(const GemmArgs& args, const TileRange& range,
                                            std::byte* scratch, std::byte* own) const {
  if (layout.packed_a > 0) return packed_a(scratch, range.m0 / blocking.tile_m);
  const void* a = operand_a(args, range);
  if (panel_rows_bytes(spec, blocking.packed, range.rows) == 0) return a;
  pack_panel_rows(spec, a, range.rows, blocking.packed, own + layout.product);
  return own + layout.product;
}

void GemmPlan::Impl::multiply_of_panels(const GemmArgs& args, const TileRange& range,
                                        std::byte* scratch, int worker) const {
  std::byte* own = scratch + static_cast<size_t>(worker) * layout.bytes;
  PanelTile tile{.a = rows_for_panels(args, range, scratch, own),
                 .rows = range.rows,
                 .packed = blocking.packed,
                 .columns = range.columns,
                 .ldc = range.columns};
  if (is_final(args)) {
    const int64_t first = range.m0 * spec.ldc + range.n0;
    tile.c = static_cast<std::byte*>(args.c) + first * size_of(spec.output);
    tile.ldc = spec.ldc;
    tile.output = spec.output;
    if (spec.bias) tile.plus = static_cast<const float*>(args.bias) + range.n0;
    if (args.accumulate) tile.plus = static_cast<const float*>(tile.c), tile.ld_plus = spec.ldc;
  }
  for (int64_t half = 0; half < halves(); ++half) {
    tile.panels = reinterpret_cast<const Pair*>(packed_b(scratch, 0, half)) +
                  range.n0 * words_of(spec.k, blocking.packed);
    if (!is_final(args)) tile.c = sums(own, half);
    multiply_panels(spec, tile);
  }
}

void GemmPlan::Impl::put_result(const GemmArgs& args, const TileRange& range,
                                BlockTile& tile) const {
  const int64_t first = range.m0 * spec.ldc + range.n0;
  if (spec.output == DType::kF32) {
    tile.sums = static_cast<float*>(args.c) + first;
    tile.ld_sums = spec.ldc;
    tile.accumulate = args.accumulate;
  } else {
    tile.rounded = static_cast<BFloat16*>(args.c) + first;
    tile.ld_rounded = spec.ldc;
  }
}

void GemmPlan::Impl::multiply_blocks(const GemmArgs& args, const TileRange& range,
                                     std::byte* own) const {
  BlockTile tile{.m = range.rows,
                 .n = range.columns,
                 .k = spec.k,
                 .lda = spec.lda,
                 .ldb = spec.ldb,
                 .ld_sums = range.columns,
                 .readable = spec.m - range.m0,
                 .trans_a = spec.trans_a,
                 .trans_b = spec.trans_b,
                 .input = spec.input,
                 .packed = blocking.packed,
                 .a = operand_a(args, range)};
  for (int64_t half = 0; half < halves(); ++half) {
    tile.b = operand_b(args, range, half);
    tile.sums = sums(own, half);
    if (is_final(args)) put_result(args, range, tile);
    multiply_block_tile(tile, own + layout.product);
  }
}

void GemmPlan::Impl::multiply_plain(const GemmArgs& args, const TileRange& range,
                                    std::byte* own) const {
  for (int64_t half = 0; half < halves(); ++half) {
    products[product_index(range)]->run(operand_a(args, range), operand_b(args, range, half),
                                        sums(own, half), own + layout.product, 0);
  }
}

void GemmPlan::Impl::multiply_by_onednn(const GemmArgs& args, const TileRange& range,
                                        std::byte* scratch, int worker) const {
  std::byte* own = scratch + static_cast<size_t>(worker) * layout.bytes;
  const void* a =
      layout.packed_a > 0 ? packed_a(scratch, range.m0 / blocking.tile_m) : operand_a(args, range);
  for (int64_t half = 0; half < halves(); ++half) {
    const void* b = packed_b(scratch, range.n0 / blocking.tile_n, half);
    products[product_index(range)]->run(a, b, sums(own, half), own + layout.product, worker);
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

// Parts of a slice follow each other, so that workers read the memory of their slices as one run.
void GemmPlan::Impl::sum_slice(const GemmArgs& args, int64_t task, std::byte* scratch) const {
  const auto [slices, columns] = blocking.slicing;
  const int64_t part = task % parts_of_slice(), slice = task / parts_of_slice() % slices;
  const int64_t half = task / parts_of_slice() / slices, first = part * columns;
  const int64_t k0 = slice * spec.k / slices, k1 = (slice + 1) * spec.k / slices;
  multiply_thin(spec, {.a = args.a,
                       .b = args.b,
                       .part = {.first_row = k0,
                                .rows = k1 - k0,
                                .first_column = first + half * spec.n,
                                .columns = std::min(columns, spec.n - first)},
                       .sums = reinterpret_cast<float*>(packed_b(scratch, 0, half)) +
                               slice * spec.m * spec.n + first,
                       .ld_sums = spec.n});
}

void GemmPlan::Impl::multiply_few_rows(const GemmArgs& args, const TileRange& range,
                                       std::byte* scratch, std::byte* own) const {
  for (int64_t half = 0; half < halves(); ++half) {
    if (!is_sliced()) {
      multiply_thin(spec, {.a = args.a,
                           .b = args.b,
                           .part = {.first_row = 0,
                                    .rows = spec.k,
                                    .first_column = range.n0 + half * spec.n,
                                    .columns = range.columns},
                           .sums = sums(own, half),
                           .ld_sums = range.columns});
      continue;
    }
    const auto* slices = reinterpret_cast<const float*>(packed_b(scratch, 0, half)) + range.n0;
    for (int64_t row = 0; row < spec.m; ++row)
      add_slices({.first = slices + row * spec.n,
                  .count = blocking.slicing.slices,
                  .stride = spec.m * spec.n},
                 range.columns, sums(own, half) + row * range.columns);
  }
}

void GemmPlan::Impl::run_tile(const GemmArgs& args, int64_t tile, std::byte* scratch,
                              int worker) const {
  const TileRange range = range_of(tile);
  std::byte* own = scratch + static_cast<size_t>(worker) * layout.bytes;
  switch (blocking.method) {
    case GemmMethod::kPlain: multiply_plain(args, range, own); break;
    case GemmMethod::kThin: multiply_few_rows(args, range, scratch, own); break;
    case GemmMethod::kPanels: multiply_of_panels(args, range, scratch, worker); break;
    case GemmMethod::kBlocks: multiply_blocks(args, range, own); break;
    case GemmMethod::kOneDnn: multiply_by_onednn(args, range, scratch, worker); break;
  }
  if (is_final(args)) return;
  if (spec.output == DType::kF32) finish<float>(args, range, own);
  else finish<BFloat16>(args, range, own);
}

GemmPlan::GemmPlan(const GemmSpec& spec, int workers)
    : impl_(std::make_unique<Impl>(spec, workers)) {
  if (!impl_->uses_products()) return;
  impl_->for_each_shape([&](size_t index, const TileShape& shape) {
    impl_->products[index] = impl_->blocking.method == GemmMethod::kPlain
                                 ? make_plain_product(shape)
                                 : make_onednn_product(shape, workers);
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
  const bool pairs = impl_->blocking.packed == Packed::kPairs;
  switch (impl_->blocking.method) {
    case GemmMethod::kPlain: return "plain";
    case GemmMethod::kThin: return "thin";
    case GemmMethod::kPanels: return pairs ? "panels of pairs" : "panels";
    case GemmMethod::kBlocks: return pairs ? "blocks of pairs" : "blocks";
    case GemmMethod::kOneDnn: return "onednn bf16";
  }
  return "?";
}

void GemmPlan::execute(const GemmArgs& args, void* scratch, const ParallelFor& parallel) const {
  const Impl& plan = *impl_;
  WEFT_ASSERT(parallel.threads() <= plan.workers);
  WEFT_ASSERT(reinterpret_cast<uintptr_t>(scratch) % kAlignment == 0);
  WEFT_ASSERT(!args.accumulate || plan.spec.output == DType::kF32);
  if (const int64_t tasks = plan.pack_tasks(); tasks > 0) {
    parallel(tasks, [&](int64_t task, int worker) {
      plan.pack(args, task, static_cast<std::byte*>(scratch), worker);
    });
  }
  parallel(plan.tiles_m() * plan.tiles_n(), [&](int64_t tile, int worker) {
    plan.run_tile(args, tile, static_cast<std::byte*>(scratch), worker);
  });
}

}  // namespace weft::kernels
