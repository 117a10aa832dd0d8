// The choice between attention's paths.
#include "kernels/attention/attention_path.h"

#include <atomic>
#include <string>

#include "kernels/cpu_isa.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

constexpr int kByProcessor = -1;
std::atomic<int> chosen{kByProcessor};

AttentionPath fastest() {
  if (cpu_isa() == CpuIsa::kAmx) return AttentionPath::kAmx;
  return has_fast_bf16_dot() ? AttentionPath::kDotProducts : AttentionPath::kFloats;
}

CpuIsa needed_by(AttentionPath path) {
  switch (path) {
    case AttentionPath::kAmx: return CpuIsa::kAmx;
    case AttentionPath::kDotProducts: return CpuIsa::kAvx512Bf16;
    case AttentionPath::kFloats:
    case AttentionPath::kEmulatedTiles: break;
  }
  return CpuIsa::kBaseline;
}

}  // namespace

AttentionPath attention_path(DType dtype) {
  if (dtype != DType::kBF16) return AttentionPath::kFloats;
  const int path = chosen.load();
  return path == kByProcessor ? fastest() : static_cast<AttentionPath>(path);
}

void choose_attention_path(std::optional<AttentionPath> path) {
  if (path && cpu_isa() < needed_by(*path)) {
    throw Error("this path of attention needs " + std::string(name_of(needed_by(*path))) +
                ", and this processor (or WEFT_MAX_ISA) allows " + std::string(name_of(cpu_isa())) +
                "; leave the choice to the processor.");
  }
  chosen = path ? static_cast<int>(*path) : kByProcessor;
}

const TileEngine* tile_engine(AttentionPath path) {
  switch (path) {
    case AttentionPath::kFloats: break;
    case AttentionPath::kDotProducts: return dot_product_tiles();
    case AttentionPath::kAmx: return amx_tiles();
    case AttentionPath::kEmulatedTiles: return emulated_tiles();
  }
  return nullptr;
}

}  // namespace weft::kernels
