// Matrix products with fused epilogues: C = activation(alpha A B + bias) + residual, or C += alpha
// A B. One thread makes a sum from beginning to end, in an order that the shape alone fixes: the
// bits of the result do not depend on the number of threads. Tiles are ours
// (block_product.h, panel_product.h), but for AMX, where oneDNN makes them (tile_product.h); the
// epilogue is ours (epilogue.h).
// Not for convolutions or batched products.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "kernels/activation/activation.h"
#include "weft/dtype.h"
#include "weft/parallel_for.h"

namespace weft::kernels {

// What is known when a program is prepared. Sizes are at least 1. A leading dimension of 0 stands
// for dense. `a` is [m, k] (or [k, m] with trans_a), `b` is [k, n] (or [n, k] with trans_b), each
// row of `lda` / `ldb` elements; if gated, b has 2 n columns: the
// gates', then the others'.
struct GemmSpec {
  int64_t m = 0, n = 0, k = 0;
  bool trans_a = false, trans_b = false;
  int64_t lda = 0, ldb = 0, ldc = 0;
  DType input = DType::kF32;   // of a and b: f32 or bf16; products are summed in f32
  DType output = DType::kF32;  // of c, residual and pre_activation: f32 or bf16
  DType bias_dtype = DType::kF32;
  bool bias = false;                 // one value per column of b, added before the activation
  bool residual = false;             // [m, n] with rows of ldc, added after it
  bool save_pre_activation = false;  // also writes alpha A B + bias, dense rows of b's columns
  // Of alpha A B + bias, rounded to `output`: the same bits as of what is saved.
  std::optional<ActivationKind> activation = {};
  bool gated = false;  // c = activation(z[:, :n]) z[:, n:]: SwiGLU with silu
};

// What one execution is given. Pointers to what the spec lacks are ignored.
struct GemmArgs {
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  const void* bias = nullptr;
  const void* residual = nullptr;  // may be c itself
  void* pre_activation = nullptr;
  float alpha = 1.0f;
  bool accumulate = false;  // c += the result: f32 c only
  // On a GPU alone: adds too where this number in the device's memory is not 0.
  const float* accumulate_flag = nullptr;
};

// A product made ready for one shape: prepared once, executed many times, by one caller at a time
// (its workers share the plan, each with handles of its own). Throws weft::Error when
// oneDNN has no implementation for it on this machine.
class GemmPlan {
 public:
  // `workers`: the largest ParallelFor::threads() that execute() will be given.
  GemmPlan(const GemmSpec& spec, int workers);
  ~GemmPlan();
  GemmPlan(GemmPlan&&) noexcept;
  GemmPlan& operator=(GemmPlan&&) noexcept;

  // Bytes of scratch memory, aligned to 64, that execute() needs for all workers together.
  size_t scratch_bytes() const;
  // No allocation of ours; oneDNN keeps small argument lists on the heap.
  void execute(const GemmArgs& args, void* scratch, const ParallelFor& parallel) const;
  const GemmSpec& spec() const;
  // scratch_bytes() of a plan that has not been made: for planning memory without a device's
  // kernels.
  static size_t scratch_bytes(const GemmSpec& spec, int workers);
  // How the tiles are multiplied: of packed "blocks" or "panels", "... of pairs" where the
  // processor multiplies pairs of bfloat16 fast, "onednn bf16" with AMX, "thin" for few rows,
  // "plain" with KernelChoice::kReference.
  const char* kernel_name() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::kernels
