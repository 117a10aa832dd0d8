// Choosing the instruction set at run time. The kernels themselves are elsewhere.
#include "kernels/simd/targets.h"

#include <hwy/highway.h>
#include <hwy/targets.h>

#include "weft/error.h"

namespace weft::kernels {
namespace {

// The targets that kernel files compile, in Highway's order: the lowest bit is the best.
constexpr int64_t kCompiled = HWY_AVX3 | HWY_AVX2 | HWY_NEON | HWY_STATIC_TARGET;

template <class Visit>
void for_each_target(int64_t targets, Visit visit) {
  for (; targets != 0; targets &= targets - 1) visit(targets & -targets);
}

int64_t machine_targets() {
  hwy::SetSupportedTargetsForTest(0);
  return (hwy::SupportedTargets() & kCompiled) | HWY_STATIC_TARGET;
}

}  // namespace

std::vector<std::string> simd_targets() {
  const int64_t chosen = hwy::SupportedTargets();
  std::vector<std::string> names;
  for_each_target(machine_targets(), [&](int64_t t) { names.emplace_back(hwy::TargetName(t)); });
  hwy::SetSupportedTargetsForTest(chosen);
  return names;
}

void choose_simd_target(std::string_view name) {
  const int64_t available = machine_targets();
  int64_t wanted = name.empty() ? available : 0;
  std::string known;
  for_each_target(available, [&](int64_t target) {
    if (name == hwy::TargetName(target)) wanted = target;
    known += std::string(known.empty() ? "" : ", ") + hwy::TargetName(target);
  });
  if (wanted == 0) {
    throw Error("unknown instruction set '" + std::string(name) + "'; this machine has: " + known);
  }
  hwy::SetSupportedTargetsForTest(name.empty() ? 0 : wanted);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace weft::kernels
