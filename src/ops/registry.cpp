// The tables that ops.def stands for.
#include "graph/registry.h"

#include <array>

#include "ops/contracts.h"
#include "weft/ops/accumulate.h"
#include "weft/ops/add.h"
#include "weft/ops/cast.h"

namespace weft::graph {
namespace {

constexpr auto kContracts = std::to_array<const OpContract*>({
#define WEFT_OP(name) &ops::contracts::name,
#include "ops/ops.def"
#undef WEFT_OP
});

constexpr auto kCpuKernels = std::to_array<Kernel>({
#define WEFT_OP(name) &ops::cpu::name,
#include "ops/ops.def"
#undef WEFT_OP
});

// Not constexpr: which of them exist is known to the linker.
const std::array<Kernel, kCpuKernels.size()> kCudaKernels = {
#define WEFT_OP(name) &ops::cuda::name,
#include "ops/ops.def"
#undef WEFT_OP
};

}  // namespace

std::span<const OpContract* const> all_contracts() {
  return kContracts;
}

std::span<const Kernel> cpu_kernels() {
  return kCpuKernels;
}

std::span<const Kernel> cuda_kernels() {
  return kCudaKernels;
}

const OpContract* find_contract(std::string_view name) {
  for (const OpContract* contract : kContracts)
    if (contract->name == name) return contract;
  return nullptr;
}

size_t index_of(const OpContract& contract) {
  for (size_t i = 0; i < kContracts.size(); ++i)
    if (kContracts[i] == &contract) return i;
  throw Error(std::string(contract.name) + ": is not listed in ops.def");
}

const Roles& roles() {
  static constexpr Roles kRoles{.cast = ops::cast, .add = ops::add, .accumulate = ops::accumulate};
  return kRoles;
}

}  // namespace weft::graph
