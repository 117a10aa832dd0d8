// Speed of matrix products on one thread, at the shapes of GPT-2 124M with 4 sequences of 1024 and
// of 64 tokens, and of a model of width 128 with 12 sequences of 64: forward, gradient of the
// input, gradient of the weight; float, and bfloat16 in each way that this processor has. Not a
// test of correctness: the contracts of the operators are.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <cstdlib>
#include <memory>
#include <new>

#include "kernels/cpu_isa.h"
#include "kernels/gemm/bf16_products.h"
#include "kernels/gemm/gemm.h"
#include "weft/philox.h"

namespace weft::kernels {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<void, Free>;

Memory random_memory(int64_t elements, DType dtype) {
  constexpr size_t kPage = 2 << 20;  // huge, as the arena's
  const size_t bytes = static_cast<size_t>(elements * size_of(dtype));
  const size_t pages = (bytes + kPage - 1) / kPage * kPage;
  Memory memory(std::aligned_alloc(kPage, pages));
  if (memory == nullptr) throw std::bad_alloc();
  madvise(memory.get(), pages, MADV_HUGEPAGE);
  for (int64_t i = 0; i < elements; ++i) {
    const float value = 2.0f * uniform_from(philox(1, static_cast<uint64_t>(i) % 65521)[0]) - 1.0f;
    if (dtype == DType::kF32) static_cast<float*>(memory.get())[i] = value;
    else static_cast<BFloat16*>(memory.get())[i] = BFloat16(value);
  }
  return memory;
}

struct Product {
  const char* name;
  int64_t in, out;  // of the weight
};
constexpr int64_t kVocabulary = 50257;
constexpr Product kProducts[] = {{"qkv", 768, 2304},
                                 {"out", 768, 768},
                                 {"up", 768, 3072},
                                 {"down", 3072, 768},
                                 {"head", 768, kVocabulary}};
constexpr Product kSmallProducts[] = {
    {"qkv", 128, 384}, {"out", 128, 128}, {"up", 128, 512}, {"down", 512, 128}};

enum class Pass { kForward, kInputGradient, kWeightGradient };

GemmSpec spec_of_head(const Product& p, Pass pass, int64_t rows, DType dtype) {
  const int64_t stride = (p.out + 31) / 32 * 32;  // of logits (chunked_head.h)
  switch (pass) {
    case Pass::kForward:
      return {.m = rows,
              .n = p.out,
              .k = p.in,
              .trans_b = true,
              .ldc = stride,
              .input = dtype,
              .output = dtype};
    case Pass::kInputGradient:
      return {.m = rows, .n = p.in, .k = p.out, .lda = stride, .input = dtype, .output = dtype};
    case Pass::kWeightGradient: break;
  }
  return {.m = p.out, .n = p.in, .k = rows, .trans_a = true, .lda = stride, .input = dtype};
}

// The weight is [in, out], as GPT-2 stores it; the head's, the embedding, is [out, in].
GemmSpec spec_of(const Product& p, Pass pass, int64_t rows, DType dtype) {
  if (p.out == kVocabulary) return spec_of_head(p, pass, rows, dtype);
  switch (pass) {
    case Pass::kForward: return {.m = rows, .n = p.out, .k = p.in, .input = dtype, .output = dtype};
    case Pass::kInputGradient:
      return {.m = rows, .n = p.in, .k = p.out, .trans_b = true, .input = dtype, .output = dtype};
    case Pass::kWeightGradient: break;
  }
  return {.m = p.in, .n = p.out, .k = rows, .trans_a = true, .input = dtype};
}

struct Way {
  const char* name;
  DType dtype;
  Bf16Products products;  // of bf16
  CpuIsa needs;
};
constexpr Way kWays[] = {
    {"f32", DType::kF32, Bf16Products::kWidened, CpuIsa::kBaseline},
    {"bf16 widened", DType::kBF16, Bf16Products::kWidened, CpuIsa::kBaseline},
    {"bf16 pairs", DType::kBF16, Bf16Products::kPairs, CpuIsa::kAvx512Bf16},
    {"bf16 oneDNN", DType::kBF16, Bf16Products::kOneDnn, CpuIsa::kAvx512},
};

void run(benchmark::State& state, const GemmSpec& spec, Bf16Products products) {
  choose_bf16_products(products);
  const GemmPlan plan(spec, 1);
  const Memory a = random_memory((spec.trans_a ? spec.k : spec.m) * plan.spec().lda, spec.input);
  const Memory b = random_memory(spec.k * spec.n, spec.input);
  const Memory c = random_memory(spec.m * plan.spec().ldc, spec.output);
  const Memory scratch =
      random_memory(static_cast<int64_t>(plan.scratch_bytes()) / 4 + 1, DType::kF32);
  const SerialFor serial;
  for (auto _ : state) {
    plan.execute({.a = a.get(), .b = b.get(), .c = c.get()}, scratch.get(), serial);
  }
  state.counters["FLOP/s"] = benchmark::Counter(2.0 * static_cast<double>(spec.m * spec.n * spec.k),
                                                benchmark::Counter::kIsIterationInvariantRate);
  state.SetLabel(plan.kernel_name());
}

void add_bench(const Product& product, int64_t rows, const Way& way) {
  constexpr std::pair<Pass, const char*> kPasses[] = {
      {Pass::kForward, "forward"}, {Pass::kInputGradient, "dx"}, {Pass::kWeightGradient, "dw"}};
  for (const auto& [pass, pass_name] : kPasses) {
    const std::string name =
        std::string(way.name) + "/" + std::to_string(rows) + "/" + product.name + "/" + pass_name;
    const int64_t some = product.out == kVocabulary ? std::min<int64_t>(rows, 1024) : rows;
    benchmark::RegisterBenchmark(name.c_str(), run, spec_of(product, pass, some, way.dtype),
                                 way.products)
        ->Unit(benchmark::kMillisecond);
  }
}

void add_benches() {
  for (const Way& way : kWays) {
    if (cpu_isa() < way.needs) continue;
    for (const int64_t rows : {int64_t{4096}, int64_t{256}}) {
      for (const Product& product : kProducts) add_bench(product, rows, way);
    }
    for (const Product& product : kSmallProducts) add_bench(product, 768, way);
  }
}

}  // namespace
}  // namespace weft::kernels

int main(int argc, char** argv) {
  weft::kernels::add_benches();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
