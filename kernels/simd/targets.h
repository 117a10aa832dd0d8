// Which instruction sets the row kernels are compiled for, and a way to choose among those the
// machine has. Included before any Highway header, so that all files agree. Not for matrix
// products: those have their own dispatch.
#pragma once

// Three targets keep compile time small: AVX-512, AVX2, and the compiler's baseline one lane (or
// four emulated lanes) at a time for everything older.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (~(HWY_AVX3 | HWY_AVX2 | HWY_NEON | HWY_EMU128 | HWY_SCALAR))
#endif

#include <string>
#include <string_view>
#include <vector>

namespace weft::kernels {

// Names of the compiled targets that this machine can run, best first ("AVX3", "AVX2", "SCALAR").
// Results may differ between targets in the last bits; they never depend on the number of threads.
std::vector<std::string> simd_targets();

// Makes all later kernel calls of the process use `name`, one of simd_targets(), or the best one
// when empty. Throws Error for another name. Not to be called while kernels run.
void choose_simd_target(std::string_view name);

}  // namespace weft::kernels
