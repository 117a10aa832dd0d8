#include "runtime/roof.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string_view>

#include "graph/program.h"
#include "ops/kernel_chooser.h"
#include "runtime/program_arena.h"
#include "weft/ops/add.h"
#include "weft/ops/linear.h"

namespace weft::runtime {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What runs a graph of one operator again and again: the CPU's threads, or a device.
struct Runner {
  const ParallelFor& parallel;
  ComputeDevice* device = nullptr;

  void operator()(const graph::Program& program) const {
    program.run_body(parallel);
    if (device != nullptr) device->queues().stream(0).synchronize();
  }
  // Memory that was never written is one page of zeros to all who read it, and so always cached.
  void fill(Arena& arena) const {
    std::byte* memory = arena.at(0, arena.bytes());
    if (device != nullptr) device->queues().stream(0).fill(memory, 0x3c, arena.bytes());
    else std::memset(memory, 0x3c, static_cast<size_t>(arena.bytes()));
  }
};

// The shortest run of a graph of one operator, among those that fit the time.
double fastest_run(const graph::GraphData& graph, const Runner& run, double seconds) {
  const int threads = run.parallel.threads();
  const graph::Schedule schedule = graph::serial_schedule(graph);
  const graph::MemoryPlan plan =
      graph::plan_memory(graph, schedule, {.threads = threads, .on_device = run.device != nullptr});
  ProgramArena arena(plan.persistent_bytes + plan.transient_bytes, run.device);
  const graph::Program program(graph, schedule, plan,
                               {.arena = &*arena, .transient = plan.persistent_bytes},
                               backend_of(run.device, threads));
  run.fill(*arena);
  if (run.device != nullptr)  // as programs of models do
    ops::choose_calls(run.device->queues().stream(0).handle(),
                      [&] { program.run_body(run.parallel); });
  run(program);
  double best = 1e30;
  const double end = seconds_now() + seconds;
  do {
    const double start = seconds_now();
    run(program);
    best = std::min(best, seconds_now() - start);
  } while (seconds_now() < end);
  return best;
}

Graph product(DType dtype, int64_t size) {
  Graph graph;
  ops::linear(graph.input("x", {dtype, {size, size}}), graph.input("w", {dtype, {size, size}}));
  return graph;
}

Graph sum(int64_t elements) {
  Graph graph;
  ops::add(graph.input("a", {DType::kF32, {elements}}),
           graph.input("b", {DType::kF32, {elements}}));
  return graph;
}

using MakeGraph = Graph (*)(int64_t size);

// Operands from `least` to `most`, and the work of a graph of one size.
struct Sizes {
  int64_t least, most;
  MakeGraph graph;
  double (*work)(int64_t size);
};

// Work a second at the first size that takes a tenth of the time, or at the largest.
double rate_of(const Runner& run, const Sizes& sizes, double seconds) {
  for (int64_t size = sizes.least;; size *= 2) {
    const Graph graph = sizes.graph(size);
    if (size >= sizes.most || fastest_run(graph.data(), run, 0) > seconds / 10)
      return sizes.work(size) / fastest_run(graph.data(), run, seconds);
  }
}

// What is fast on the emulated device says nothing: there the first sizes will do.
double seconds_on(const ComputeDevice& device, double seconds) {
  const std::string_view kind = device.device().library().table->kind;
  return kind == "emulated" ? std::min(seconds, 0.005) : seconds;
}

MakeGraph product_of(DType dtype) {
  if (dtype == DType::kBF16) return [](int64_t size) { return product(DType::kBF16, size); };
  return [](int64_t size) { return product(DType::kF32, size); };
}

double cube_flops(int64_t size) {
  return 2.0 * static_cast<double>(size * size * size);
}

}  // namespace

double measure_flops(DType dtype, ComputeDevice& device, double seconds) {
  const SerialFor serial;
  return rate_of({serial, &device}, {32, 4096, product_of(dtype), cube_flops},
                 seconds_on(device, seconds));
}

MachineRoof measure_roof(DType dtype, ComputeDevice& device, double seconds) {
  const SerialFor serial;
  const auto bytes = [](int64_t elements) { return 12.0 * static_cast<double>(elements); };
  return {.flops_per_second = measure_flops(dtype, device, seconds),
          .bytes_per_second = rate_of({serial, &device}, {1024, int64_t{1} << 27, sum, bytes},
                                      seconds_on(device, seconds))};
}

double measure_flops(DType dtype, const ParallelFor& parallel, double seconds) {
  return rate_of({parallel}, {64, 1024, product_of(dtype), cube_flops}, seconds);
}

double measure_bandwidth(const ParallelFor& parallel, double seconds) {
  constexpr int64_t kElements = int64_t{1} << 25;  // 128 MiB each: beyond every cache
  return 12.0 * kElements / fastest_run(sum(kElements).data(), {parallel}, seconds);
}

std::optional<MachineRoof> data_sheet_roof(std::string_view device, DType dtype) {
  struct Sheet {
    std::string_view name;  // a part of the device's name; the first that fits counts
    double bf16, fp32, bytes;
  };
  constexpr Sheet kSheets[] = {
      {"H200 NVL", 835e12, 60e12, 4.8e12},           {"H200", 989.4e12, 66.9e12, 4.8e12},
      {"H100 PCIe", 756e12, 51e12, 2.0e12},          {"H100 NVL", 835e12, 60e12, 3.9e12},
      {"H100", 989.4e12, 66.9e12, 3.35e12},          {"A100-SXM4-80GB", 312e12, 19.5e12, 2.039e12},
      {"A100 80GB PCIe", 312e12, 19.5e12, 1.935e12}, {"A100", 312e12, 19.5e12, 1.555e12}};
  for (const Sheet& sheet : kSheets)
    if (device.find(sheet.name) != std::string_view::npos)
      return MachineRoof{.flops_per_second = dtype == DType::kBF16 ? sheet.bf16 : sheet.fp32,
                         .bytes_per_second = sheet.bytes};
  return std::nullopt;
}

MachineRoof measure_roof(DType dtype, const ParallelFor& parallel, double seconds) {
  return {.flops_per_second = measure_flops(dtype, parallel, seconds),
          .bytes_per_second = measure_bandwidth(parallel, seconds)};
}

}  // namespace weft::runtime
