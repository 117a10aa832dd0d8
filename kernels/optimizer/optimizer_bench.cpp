// Speed of the update's passes over memory, on one thread and on two: bytes that must move in a
// second, beside copying memory. 2^26 parameters, beyond every cache. Not a test of correctness:
// tests/kernels_rows are.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "kernels/optimizer/adamw.h"
#include "kernels/optimizer/gradient_norm.h"

namespace weft::kernels {
namespace {

constexpr int64_t kParameters = int64_t{1} << 26;

// Threads for one loop: what starting them costs is nothing beside 2^26 parameters.
class BriefThreads final : public ParallelFor {
 public:
  explicit BriefThreads(int threads) : threads_(threads) {}
  int threads() const override { return threads_; }

 protected:
  void run(int64_t tiles, Body body, void* context) const override {
    std::atomic<int64_t> next = 0;
    const auto work = [&](int worker) {
      for (int64_t tile = next++; tile < tiles; tile = next++) body(context, tile, worker);
    };
    std::vector<std::thread> workers;
    for (int w = 1; w < threads_; ++w) workers.emplace_back(work, w);
    work(0);
    for (std::thread& worker : workers) worker.join();
  }

 private:
  int threads_;
};

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// In large pages where the system gives them, as a program's arena is.
template <class T>
std::unique_ptr<T, Free> filled(T value) {
  constexpr size_t kPage = size_t{2} << 20;
  std::unique_ptr<T, Free> memory(
      static_cast<T*>(std::aligned_alloc(kPage, kParameters * sizeof(T))));
  if (memory == nullptr) throw std::bad_alloc();
  madvise(memory.get(), kParameters * sizeof(T), MADV_HUGEPAGE);
  std::fill_n(memory.get(), kParameters, value);
  return memory;
}

void set_rate(benchmark::State& state, int64_t bytes_each) {
  state.counters["GB/s"] = benchmark::Counter(static_cast<double>(bytes_each * kParameters) * 1e-9,
                                              benchmark::Counter::kIsIterationInvariantRate);
}

void run_copy(benchmark::State& state, int threads) {
  const auto from = filled(1.0f), to = filled(0.0f);
  constexpr int64_t kTile = 1 << 15;
  const BriefThreads parallel(threads);
  for ([[maybe_unused]] auto _ : state) {
    parallel(kParameters / kTile, [&](int64_t tile, int) {
      std::memcpy(to.get() + tile * kTile, from.get() + tile * kTile, kTile * sizeof(float));
    });
    benchmark::ClobberMemory();
  }
  set_rate(state, 8);
}

struct Scalars {
  float rate = 1e-3f, step = 10.0f, norm = 0, clip = 0.5f, apply = 1.0f;
};

class Update {
 public:
  explicit Update(int threads) : parallel_(threads) {}

  void norm() {
    gradient_norm({.gradients_N = gradients_.get(),
                   .norm = &scalars_.norm,
                   .clip = &scalars_.clip,
                   .apply = &scalars_.apply,
                   .workspace = workspace_.data(),
                   .N = kParameters,
                   .max_norm = 1.0},
                  parallel_);
  }
  void step(bool with_copy) {
    adamw({.parameters_N = parameters_.get(),
           .gradients_N = gradients_.get(),
           .moment1_N = moment1_.get(),
           .moment2_N = moment2_.get(),
           .copy_N = with_copy ? copy_.get() : nullptr,
           .scalars = {&scalars_.rate, &scalars_.step, &scalars_.clip, &scalars_.apply},
           .N = kParameters,
           .decayed = kParameters / 2},
          parallel_);
  }

 private:
  BriefThreads parallel_;
  Scalars scalars_;
  std::unique_ptr<float, Free> parameters_ = filled(1.0f), gradients_ = filled(0.5f),
                               moment1_ = filled(0.0f), moment2_ = filled(0.0f);
  std::unique_ptr<BFloat16, Free> copy_ = filled(BFloat16());
  std::vector<double> workspace_ =
      std::vector<double>(static_cast<size_t>(gradient_norm_workspace(kParameters)) / 8);
};

void run_norm(benchmark::State& state, int threads) {
  Update update(threads);
  for ([[maybe_unused]] auto _ : state) update.norm();
  set_rate(state, 4);
}

void run_adamw(benchmark::State& state, int threads, bool with_copy) {
  Update update(threads);
  for ([[maybe_unused]] auto _ : state) update.step(with_copy);
  set_rate(state, with_copy ? 30 : 28);
}

void run_both(benchmark::State& state, int threads) {
  Update update(threads);
  for ([[maybe_unused]] auto _ : state) {
    update.norm();
    update.step(true);
  }
  set_rate(state, 34);
}

}  // namespace
}  // namespace weft::kernels

int main(int argc, char** argv) {
  using namespace weft::kernels;
  for (const int threads : {1, 2}) {
    const auto add = [threads](const char* name, auto run) {
      benchmark::RegisterBenchmark(
          (name + std::string("/threads:") + std::to_string(threads)).c_str(), run)
          ->UseRealTime()
          ->Unit(benchmark::kMillisecond);
    };
    add("copy", [=](benchmark::State& s) { run_copy(s, threads); });
    add("gradient_norm", [=](benchmark::State& s) { run_norm(s, threads); });
    add("adamw", [=](benchmark::State& s) { run_adamw(s, threads, false); });
    add("adamw_with_bf16_copy", [=](benchmark::State& s) { run_adamw(s, threads, true); });
    add("norm_and_adamw_with_bf16_copy", [=](benchmark::State& s) { run_both(s, threads); });
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
