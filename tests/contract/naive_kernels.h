// Kernels of the test's own, plain and slow, which can be given a mistake: what the contract test
// is tried on. Not the references, which are in float64 and belong to the contracts.
#pragma once

#include "graph/op_contract.h"

namespace weft::test {

enum class WeightRead : uint8_t { kAsStored, kTransposed };
template <WeightRead>
void naive_linear(const graph::KernelCall& call);

// Attention in blocks of 64 keys with a running maximum.
enum class Rescale : uint8_t { kNo, kYes };
template <Rescale>
void naive_attention(const graph::KernelCall& call);

}  // namespace weft::test
