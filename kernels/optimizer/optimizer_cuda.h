// Updates of whole blocks of parameters on a GPU, one launch each, and the norm of their gradients:
// the formulas of adamw.h, sgd.h, lion.h and gradient_norm.h. Every scalar is read on the device,
// so that a captured graph serves every step. Nothing waits.
#pragma once

#include "kernels/cuda/launch.h"
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
constexpr int64_t muon_part_bytes(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}
constexpr int64_t muon_workspace_cuda(MuonShape s) {
  return 2 * muon_part_bytes(s.elements() * 4) + 2 * muon_part_bytes(s.side() * s.side() * 4) +
         muon_part_bytes(4) + muon_part_bytes(muon_blocks(s) * 8);
}
void muon(cuda::Stream stream, const MuonOnDevice& call);

}  // namespace weft::kernels
