// Speed of attention on one thread: forward and backward, both element types, the shapes of GPT-2
// and SmolLM2. Rates count the products of visible pairs alone (4 D operations forward, 10 D
// backward), so that work on masked pairs and everything that is no product is a loss. The roof is
// oneDNN's product of matrices in float. Not a test of correctness: tests/kernels_gemm and
// tests/kernels_attention are.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_path.h"
#include "kernels/cpu_isa.h"
#include "kernels/gemm/gemm.h"
#include "weft/philox.h"

namespace weft::kernels {
namespace {

struct Model {
  const char* name;
  AttentionShape shape;
};
constexpr Model kModels[] = {
    {"gpt2_T64", {.B = 4, .T = 64, .S = 64, .H = 12, .K = 12, .D = 64}},
    {"gpt2_T1024", {.B = 4, .T = 1024, .S = 1024, .H = 12, .K = 12, .D = 64}},
    {"smollm2_T512", {.B = 4, .T = 512, .S = 512, .H = 9, .K = 3, .D = 64}},
};

// In large pages where the system gives them, as a program's arena is.
struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<void, Free>;

Memory aligned_memory(size_t bytes) {
  constexpr size_t kPage = size_t{2} << 20;
  const size_t rounded = (bytes + kPage - 1) / kPage * kPage;
  Memory memory(std::aligned_alloc(kPage, rounded));
  if (memory == nullptr) throw std::bad_alloc();
  madvise(memory.get(), rounded, MADV_HUGEPAGE);
  std::memset(memory.get(), 0, rounded);  // or the first iteration pays for every page
  return memory;
}

template <class T>
class Values {
 public:
  explicit Values(int64_t count)
      : memory_(aligned_memory(static_cast<size_t>(count) * sizeof(T))) {}
  static Values random(int64_t count, uint64_t key) {
    Values values(count);
    for (int64_t i = 0; i < count; ++i) {
      const float uniform = uniform_from(philox(key, static_cast<uint64_t>(i))[0]);
      values.data()[i] = static_cast<T>(2.0f * uniform - 1.0f);
    }
    return values;
  }
  T* data() const { return static_cast<T*>(memory_.get()); }

 private:
  Memory memory_;
};

// Packed projections [B, T, (H + 2 K) D] as models have them, and all that goes with them.
template <class T>
struct Operands {
  AttentionShape s;
  int64_t row, out_row;
  Values<T> qkv, out, dout, dqkv;
  Values<float> lse;

  explicit Operands(const AttentionShape& shape)
      : s(shape),
        row((s.H + 2 * s.K) * s.D),
        out_row(s.H * s.D),
        qkv(Values<T>::random(s.B * s.T * row, 1)),
        out(s.B * s.T * out_row),
        dout(Values<T>::random(s.B * s.T * out_row, 2)),
        dqkv(s.B * s.T * row),
        lse(s.B * s.H * s.T) {}

  template <class E>
  HeadRows<E> packed(E* data, int64_t heads_before) const {
    return {data + heads_before * s.D, s.T * row, row};
  }
  template <class E>
  HeadRows<E> result(E* data) const {
    return {data, s.T * out_row, out_row};
  }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(s.D)); }

  // What both passes take.
  template <class Args>
  Args inputs() const {
    const T* in = qkv.data();
    return {.shape = s,
            .mask = {.causal = true},
            .scale = scale(),
            .q = packed(in, 0),
            .k = packed(in, s.H),
            .v = packed(in, s.H + s.K)};
  }
  AttentionForward<T> forward() {
    auto args = inputs<AttentionForward<T>>();
    args.out = result(out.data());
    args.lse_BHT = lse.data();
    return args;
  }
  AttentionBackward<T> backward() {
    auto args = inputs<AttentionBackward<T>>();
    args.out = result(static_cast<const T*>(out.data()));
    args.dout = result(static_cast<const T*>(dout.data()));
    args.lse_BHT = lse.data();
    args.dq = packed(dqkv.data(), 0);
    args.dk = packed(dqkv.data(), s.H);
    args.dv = packed(dqkv.data(), s.H + s.K);
    return args;
  }
};

// `products`: of two operations for each of the D columns of a pair.
void set_rate(benchmark::State& state, const AttentionShape& s, double products) {
  const double pairs = static_cast<double>(s.B * s.H * s.T * (s.T + 1) / 2);
  state.counters["GFLOP/s"] =
      benchmark::Counter(products * 2.0 * static_cast<double>(s.D) * pairs * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate);
}

template <class T>
void run_forward(benchmark::State& state, const AttentionShape& s) {
  Operands<T> operands(s);
  const Memory scratch = aligned_memory(attention_forward_workspace(s, 1, kDTypeOf<T>));
  for ([[maybe_unused]] auto _ : state) {
    attention_forward(operands.forward(), scratch.get(), SerialFor());
  }
  set_rate(state, s, 2.0);
}

template <class T>
void run_backward(benchmark::State& state, const AttentionShape& s) {
  Operands<T> operands(s);
  const Memory first = aligned_memory(attention_forward_workspace(s, 1, kDTypeOf<T>));
  attention_forward(operands.forward(), first.get(), SerialFor());
  const Memory scratch = aligned_memory(attention_backward_workspace(s, 1, kDTypeOf<T>));
  for ([[maybe_unused]] auto _ : state) {
    attention_backward(operands.backward(), scratch.get(), SerialFor());
  }
  set_rate(state, s, 5.0);
}

void run_roof(benchmark::State& state) {
  constexpr int64_t kSize = 512;
  const auto a = Values<float>::random(kSize * kSize, 1);
  const auto b = Values<float>::random(kSize * kSize, 2);
  const Values<float> c(kSize * kSize);
  const GemmPlan plan({.m = kSize, .n = kSize, .k = kSize}, 1);
  const Memory scratch = aligned_memory(plan.scratch_bytes() + 1);
  for ([[maybe_unused]] auto _ : state) {
    plan.execute({.a = a.data(), .b = b.data(), .c = c.data()}, scratch.get(), SerialFor());
  }
  state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * kSize * kSize * kSize,
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

using Run = void (*)(benchmark::State&, const AttentionShape&);

void add(const std::string& what, Run run, const Model& model, AttentionPath path) {
  const auto body = [run, &model, path](benchmark::State& state) {
    choose_attention_path(path);
    run(state, model.shape);
    choose_attention_path(std::nullopt);
  };
  benchmark::RegisterBenchmark((what + "/" + model.name).c_str(), body)
      ->Unit(benchmark::kMillisecond);
}

// bf16 on every path that this processor has.
void register_model(const Model& model) {
  add("forward/f32", run_forward<float>, model, AttentionPath::kFloats);
  add("backward/f32", run_backward<float>, model, AttentionPath::kFloats);
  const auto add_path = [&model](const std::string& name, AttentionPath path) {
    add("forward/bf16/" + name, run_forward<BFloat16>, model, path);
    add("backward/bf16/" + name, run_backward<BFloat16>, model, path);
  };
  add_path("floats", AttentionPath::kFloats);
  if (cpu_isa() >= CpuIsa::kAvx512Bf16) add_path("dot_products", AttentionPath::kDotProducts);
  if (cpu_isa() >= CpuIsa::kAmx) add_path("amx", AttentionPath::kAmx);
}

}  // namespace
}  // namespace weft::kernels

int main(int argc, char** argv) {
  benchmark::RegisterBenchmark("gemm/f32/512", weft::kernels::run_roof);
  for (const auto& model : weft::kernels::kModels) weft::kernels::register_model(model);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
