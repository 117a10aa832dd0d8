// The launchers of kernels for GPUs as the program calls them: through the table of the device
// library that is in use. Each family's X_cuda.h declares its launchers; launchers.def lists them.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/activation/activation_cuda.h"
#include "kernels/attention/attention_cuda.h"
#include "kernels/cache/cache_write_cuda.h"
#include "kernels/cast/cast_cuda.h"
#include "kernels/cross_entropy/cross_entropy_cuda.h"
#include "kernels/dropout/dropout_cuda.h"
#include "kernels/elementwise/elementwise_cuda.h"
#include "kernels/embedding/embedding_cuda.h"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "kernels/reduction/reduction_cuda.h"
#include "kernels/rotary/rotary_cuda.h"

namespace weft::kernels {

// A launcher without its types: `args` points to the struct that it takes.
struct LauncherEntry {
  const char* name;  // "add(Binary<float>)"
  size_t args_bytes;
  void (*launch)(const void* args, void* stream);
};

// Calls of launchers go to these from now on, for the whole process. Throws Error if they are not
// exactly the launchers of launchers.def, in its order. Call it while no kernel is launched.
void use_launchers(std::span<const LauncherEntry> entries);

// While one lives, calls of launchers do nothing: for looking through what a program launches.
class LaunchNothing {
 public:
  LaunchNothing();
  ~LaunchNothing();
  LaunchNothing(const LaunchNothing&) = delete;
  LaunchNothing& operator=(const LaunchNothing&) = delete;
};

}  // namespace weft::kernels
