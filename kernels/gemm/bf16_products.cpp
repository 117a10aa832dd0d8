// The choice between the ways to multiply bfloat16.
#include "kernels/gemm/bf16_products.h"

#include <atomic>
#include <string>

#include "kernels/cpu_isa.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

constexpr int kByProcessor = -1;
std::atomic<int> chosen{kByProcessor};

Bf16Products fastest() {
  if (cpu_isa() == CpuIsa::kAmx) return Bf16Products::kOneDnn;
  return has_fast_bf16_dot() ? Bf16Products::kPairs : Bf16Products::kWidened;
}

CpuIsa needed_by(Bf16Products products) {
  switch (products) {
    case Bf16Products::kWidened: break;
    case Bf16Products::kPairs: return CpuIsa::kAvx512Bf16;
    case Bf16Products::kOneDnn: return CpuIsa::kAvx512;
  }
  return CpuIsa::kBaseline;
}

}  // namespace

Bf16Products bf16_products() {
  const int products = chosen.load();
  return products == kByProcessor ? fastest() : static_cast<Bf16Products>(products);
}

void choose_bf16_products(std::optional<Bf16Products> products) {
  if (products && cpu_isa() < needed_by(*products)) {
    throw Error("these products of bfloat16 need " + std::string(name_of(needed_by(*products))) +
                ", and this processor (or WEFT_MAX_ISA) allows " + std::string(name_of(cpu_isa())) +
                "; leave the choice to the processor.");
  }
  chosen = products ? static_cast<int>(*products) : kByProcessor;
}

}  // namespace weft::kernels
