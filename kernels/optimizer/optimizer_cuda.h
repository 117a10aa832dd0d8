// Updates of whole blocks of parameters on a GPU, one launch each, and the norm of their gradients:
// the formulas of adamw.h, sgd.h, lion.h and gradient_norm.h. Every scalar is read on the device,
// so that a captured graph serves every step. Nothing waits.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/optimizer/adafactor.h"
#include "kernels/optimizer/adamw.h"
#include "kernels/optimizer/gradient_norm.h"
#include "kernels/optimizer/lion.h"
#include "kernels/optimizer/muon.h"
#include "kernels/optimizer/sgd.h"

namespace weft::kernels {

void adamw(cuda::Stream stream, const AdamW& args);
void sgd(cuda::Stream stream, const Sgd& args);
void lion(cuda::Stream stream, const Lion& args);

// Blocks that sum squares: 8 for each of an H200's 132 multiprocessors at most, none with less than
// a few vectors a thread.
constexpr int64_t gradient_norm_blocks(int64_t N) {
  constexpr int64_t kShare = 16 * 1024, kMost = 1024;
  const int64_t wanted = (N + kShare - 1) / kShare;
  return wanted < 1 ? 1 : wanted < kMost ? wanted : kMost;
}
// Bytes of GradientNorm::workspace on a GPU.
constexpr int64_t gradient_norm_workspace_cuda(int64_t N) {
  return gradient_norm_blocks(N) * static_cast<int64_t>(sizeof(double));
}
void gradient_norm(cuda::Stream stream, const GradientNorm& args);

// Bytes of a part of a workspace, so that the next one begins at a multiple of 64.
constexpr int64_t workspace_part(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

// Muon on one matrix, several launches on one stream (muon.cu).
struct MuonOnDevice {
  Muon args;
  MuonShape shape;
  void* workspace = nullptr;  // muon_workspace_cuda() bytes, aligned to 64
};
// Blocks that sum squares.
constexpr int64_t muon_blocks(MuonShape s) {
  return gradient_norm_blocks(s.elements());
}
constexpr int64_t muon_workspace_cuda(MuonShape s) {
  return 2 * workspace_part(s.elements() * 4) + 2 * workspace_part(s.side() * s.side() * 4) +
         workspace_part(4) + workspace_part(muon_blocks(s) * 8);
}
void muon(cuda::Stream stream, const MuonOnDevice& call);

// Adafactor on one matrix or vector, several launches on one stream (adafactor.cu). Its workspace
// has adafactor_workspace_cuda() bytes. Rows whose squares one block sums by column, and how many
// parts of rows that makes.
constexpr int64_t adafactor_part_rows(AdafactorShape s) {
  constexpr int64_t kLeast = 32, kMostParts = 128;
  const int64_t even = (s.rows + kMostParts - 1) / kMostParts;
  return even > kLeast ? even : kLeast;
}
constexpr int64_t adafactor_parts(AdafactorShape s) {
  return (s.rows + adafactor_part_rows(s) - 1) / adafactor_part_rows(s);
}
// Blocks that each sum squares of updates: one for a row, or for 1,024 elements of a vector.
constexpr int64_t adafactor_blocks(AdafactorShape s) {
  return s.is_matrix() ? s.rows : (s.columns + 1023) / 1024;
}
constexpr int64_t adafactor_workspace_cuda(AdafactorShape s) {
  return workspace_part(2 * 4) + workspace_part(adafactor_blocks(s) * 8) +
         workspace_part(adafactor_parts(s) * s.columns * 4);
}
void adafactor(cuda::Stream stream, const Adafactor& args);

}  // namespace weft::kernels
