// Speed of LayerNorm and RMSNorm with the residual in the same pass, on one thread: bytes that must
// move (each operand once) in a second, beside copying memory. "large" turns through operands that
// together are beyond the caches, as layers of a model are; "small" stays in them. Not a test of
// correctness: tests/kernels_rows are.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "kernels/norm/norm.h"
#include "weft/philox.h"

namespace weft::kernels {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// In large pages where the system gives them, as a program's arena is.
template <class T>
std::unique_ptr<T, Free> random_values(int64_t count) {
  constexpr size_t kPage = size_t{2} << 20;
  const size_t bytes = (static_cast<size_t>(count) * sizeof(T) + kPage - 1) / kPage * kPage;
  std::unique_ptr<T, Free> memory(static_cast<T*>(std::aligned_alloc(kPage, bytes)));
  if (memory == nullptr) throw std::bad_alloc();
  madvise(memory.get(), bytes, MADV_HUGEPAGE);
  constexpr int64_t kPeriod = 1 << 16;
  T* values = memory.get();
  for (int64_t i = 0; i < std::min(count, kPeriod); ++i)
    values[i] = static_cast<T>(uniform_from(philox(1, static_cast<uint64_t>(i))[0]) - 0.5f);
  for (int64_t i = kPeriod; i < count; ++i) values[i] = values[i - kPeriod];
  return memory;
}

constexpr int64_t kBeyondCaches = int64_t{1} << 29;  // bytes: twice the largest third-level caches

// As many sets of operands as `large` wants, used in turns.
template <class T>
class Operands {
 public:
  Operands(int64_t rows, int64_t width, bool large, int64_t arrays)
      : rows_(rows),
        width_(width),
        sets_(large ? kBeyondCaches / (arrays * rows * width * int64_t{sizeof(T)}) + 1 : 1),
        values_(random_values<T>(sets_ * arrays * rows * width)),
        vectors_(random_values<float>(4 * width + 2 * rows)),
        workspace_(random_values<float>(norm_backward_workspace(rows, width) / 4)),
        arrays_(arrays) {}

  void next() { set_ = (set_ + 1) % sets_; }
  T* array(int64_t i) const { return values_.get() + (set_ * arrays_ + i) * rows_ * width_; }
  float* vector(int64_t i) const { return vectors_.get() + i * width_; }
  float* statistic(int64_t i) const { return vectors_.get() + 4 * width_ + i * rows_; }
  float* workspace() const { return workspace_.get(); }
  double bytes() const {
    return static_cast<double>(arrays_ * rows_ * width_ * int64_t{sizeof(T)});
  }

 private:
  int64_t rows_, width_, sets_;
  std::unique_ptr<T, Free> values_;
  std::unique_ptr<float, Free> vectors_, workspace_;
  int64_t arrays_, set_ = 0;
};

void set_rate(benchmark::State& state, double bytes) {
  state.counters["GB/s"] =
      benchmark::Counter(bytes * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

struct Shape {
  int64_t rows, width;
  bool large, centered;
};

template <class T>
void forward(benchmark::State& state, Shape s) {
  Operands<T> o(s.rows, s.width, s.large, 4);
  for ([[maybe_unused]] auto _ : state) {
    const NormForward<T> args{.x_NC = o.array(0),
                              .residual_NC = o.array(1),
                              .scale_C = o.vector(0),
                              .bias_C = s.centered ? o.vector(1) : nullptr,
                              .sum_NC = o.array(2),
                              .y_NC = o.array(3),
                              .mean_N = o.statistic(0),
                              .rstd_N = o.statistic(1),
                              .N = s.rows,
                              .C = s.width};
    if (s.centered) layer_norm_forward(args, SerialFor());
    else rms_norm_forward(args, SerialFor());
    o.next();
  }
  set_rate(state, o.bytes());
}

template <class T>
void backward(benchmark::State& state, Shape s) {
  Operands<T> o(s.rows, s.width, s.large, 4);
  std::fill_n(o.statistic(0), s.rows, 0.0f);
  std::fill_n(o.statistic(1), s.rows, 3.0f);
  for ([[maybe_unused]] auto _ : state) {
    const NormBackward<T> args{.dy_NC = o.array(0),
                               .x_NC = o.array(1),
                               .scale_C = o.vector(0),
                               .mean_N = o.statistic(0),
                               .rstd_N = o.statistic(1),
                               .dsum_NC = o.array(2),
                               .dx_NC = o.array(3),
                               .dscale_C = o.vector(2),
                               .dbias_C = s.centered ? o.vector(3) : nullptr,
                               .workspace = o.workspace(),
                               .N = s.rows,
                               .C = s.width};
    if (s.centered) layer_norm_backward(args, SerialFor());
    else rms_norm_backward(args, SerialFor());
    o.next();
  }
  set_rate(state, o.bytes());
}

void copy(benchmark::State& state, Shape s) {
  Operands<float> o(s.rows, s.width, s.large, 2);
  for ([[maybe_unused]] auto _ : state) {
    std::memcpy(o.array(1), o.array(0), static_cast<size_t>(s.rows * s.width) * sizeof(float));
    benchmark::ClobberMemory();
    o.next();
  }
  set_rate(state, o.bytes());
}

using Run = void (*)(benchmark::State&, Shape);
struct Kernel {
  const char* name;
  Run run;
  bool centered;
};
constexpr Kernel kKernels[] = {{"copy", copy, false},
                               {"layer_norm/f32", forward<float>, true},
                               {"layer_norm/bf16", forward<BFloat16>, true},
                               {"rms_norm/f32", forward<float>, false},
                               {"rms_norm/bf16", forward<BFloat16>, false},
                               {"layer_norm_backward/f32", backward<float>, true},
                               {"layer_norm_backward/bf16", backward<BFloat16>, true},
                               {"rms_norm_backward/f32", backward<float>, false},
                               {"rms_norm_backward/bf16", backward<BFloat16>, false}};

void add_benchmarks() {
  for (const bool large : {true, false}) {
    for (const int64_t width : {768, 2048}) {
      for (const int64_t rows : {256, 4096}) {
        if (!large && rows == 4096) continue;
        for (const Kernel& kernel : kKernels) {
          const std::string name = std::string(kernel.name) + (large ? "/large/" : "/small/") +
                                   std::to_string(rows) + "x" + std::to_string(width);
          benchmark::RegisterBenchmark(name.c_str(), kernel.run,
                                       Shape{rows, width, large, kernel.centered});
        }
      }
    }
  }
}

}  // namespace
}  // namespace weft::kernels

int main(int argc, char** argv) {
  weft::kernels::add_benchmarks();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
