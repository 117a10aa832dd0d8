#include "runtime/roof.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "graph/program.h"
#include "graph/registry.h"
#include "weft/kernel_choice.h"
#include "weft/ops/add.h"
#include "weft/ops/linear.h"

namespace weft::runtime {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The shortest run of a graph of one operator, among those that fit the time.
double fastest_run(const graph::GraphData& graph, const ParallelFor& parallel, double seconds) {
  const graph::Schedule schedule = graph::serial_schedule(graph);
  const graph::MemoryPlan plan =
      graph::plan_memory(graph, schedule, {.threads = parallel.threads()});
  Arena arena(plan.persistent_bytes + plan.transient_bytes);
  const graph::Program program(graph, schedule, plan,
                               {.arena = &arena, .transient = plan.persistent_bytes},
                               {graph::cpu_kernels(), parallel.threads()});
  // Memory that was never written is one page of zeros to all who read it, and so always cached.
  std::memset(arena.at(0, arena.bytes()), 0x3c, static_cast<size_t>(arena.bytes()));
  program.run_body(parallel);
  double best = 1e30;
  const double end = seconds_now() + seconds;
  do {
    const double start = seconds_now();
    program.run_body(parallel);
    best = std::min(best, seconds_now() - start);
  } while (seconds_now() < end);
  return best;
}

}  // namespace

double measure_flops(DType dtype, const ParallelFor& parallel, double seconds) {
  const bool slow = kernel_choice() == KernelChoice::kReference;
  const int64_t size = slow ? 256 : 1024;  // of the matrices
  Graph product;
  ops::linear(product.input("x", {dtype, {size, size}}), product.input("w", {dtype, {size, size}}));
  return 2.0 * static_cast<double>(size * size * size) /
         fastest_run(product.data(), parallel, seconds);
}

double measure_bandwidth(const ParallelFor& parallel, double seconds) {
  constexpr int64_t kElements = int64_t{1} << 25;  // 128 MiB each: beyond every cache
  Graph sum;
  ops::add(sum.input("a", {DType::kF32, {kElements}}), sum.input("b", {DType::kF32, {kElements}}));
  return 12.0 * kElements / fastest_run(sum.data(), parallel, seconds);
}

MachineRoof measure_roof(DType dtype, const ParallelFor& parallel, double seconds) {
  return {.flops_per_second = measure_flops(dtype, parallel, seconds),
          .bytes_per_second = measure_bandwidth(parallel, seconds)};
}

}  // namespace weft::runtime
