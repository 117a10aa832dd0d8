// Tile products by oneDNN's matmul primitive, from version 2.6 (Debian 12) to 3.x (Debian 13,
// Ubuntu 24.04). The distributions build oneDNN on OpenMP; every creation and execution here is
// told that it has one thread, so that oneDNN neither starts threads of its own nor splits a sum
// among them.
#include <omp.h>
#include <dnnl.hpp>

#include <array>
#include <string>
#include <vector>

#include "kernels/cpu_isa.h"
#include "kernels/gemm/tile_product.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

// OpenMP's thread count is a property of the calling thread; the caller's is put back.
class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneOpenMpThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  int before_;
};

const dnnl::engine& cpu_engine() {
  // cpu_isa() first: it reports a wrong WEFT_MAX_ISA.
  static const dnnl::engine kEngine = (cpu_isa(), dnnl::engine(dnnl::engine::kind::cpu, 0));
  return kEngine;
}

dnnl::memory::data_type onednn_type(DType dtype) {
  WEFT_ASSERT(dtype == DType::kF32 || dtype == DType::kBF16);
  return dtype == DType::kF32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

dnnl::memory::desc matrix(int64_t rows, int64_t columns, int64_t ld, bool transposed, DType dtype) {
  const dnnl::memory::dims strides =
      transposed ? dnnl::memory::dims{1, ld} : dnnl::memory::dims{ld, 1};
  return {{rows, columns}, onednn_type(dtype), strides};
}

struct Matrices {
  dnnl::memory::desc a, b, c;
};

Matrices matrices_of(const TileShape& s) {
  return {matrix(s.m, s.k, s.lda, s.trans_a, s.input), matrix(s.k, s.n, s.ldb, s.trans_b, s.input),
          matrix(s.m, s.n, s.ldc, false, DType::kF32)};
}

dnnl::matmul::primitive_desc describe_product(const TileShape& shape) {
  const OneOpenMpThread guard;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (shape.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  const Matrices m = matrices_of(shape);
  try {
#if DNNL_VERSION_MAJOR >= 3
    return {cpu_engine(), m.a, m.b, m.c, attributes};
#else
    return {dnnl::matmul::desc(m.a, m.b, m.c), attributes, cpu_engine()};
#endif
  } catch (const dnnl::error& e) {
    throw Error("oneDNN refuses a " + std::string(name_of(shape.input)) + " matrix product of " +
                std::to_string(shape.m) + " x " + std::to_string(shape.n) + " x " +
                std::to_string(shape.k) + " on this processor (" + std::string(name_of(cpu_isa())) +
                "): " + e.message);
  }
}

// A worker's own handles: the data pointers in them change with every execution.
struct WorkerHandles {
  dnnl::stream stream;
  dnnl::memory a, b, c, scratch;
};

}  // namespace

bool onednn_multiplies_bf16() {
  return cpu_isa() >= CpuIsa::kAvx512;
}

size_t onednn_scratch_bytes(const TileShape& shape) {
  return describe_product(shape).scratchpad_desc().get_size();
}

namespace {

class OneDnnProduct final : public TileProduct {
 public:
  OneDnnProduct(const TileShape& shape, int workers);
  void run(const void* a, const void* b, float* c, void* scratch, int worker) const override;

 private:
  dnnl::matmul product_;
  std::vector<WorkerHandles> workers_;
};

OneDnnProduct::OneDnnProduct(const TileShape& shape, int workers) {
  const dnnl::matmul::primitive_desc description = describe_product(shape);
  const OneOpenMpThread guard;
  product_ = dnnl::matmul(description);
  const Matrices m = matrices_of(shape);
  const dnnl::engine& engine = cpu_engine();
  for (int worker = 0; worker < workers; ++worker) {
    workers_.push_back({dnnl::stream(engine),
                        {m.a, engine, DNNL_MEMORY_NONE},
                        {m.b, engine, DNNL_MEMORY_NONE},
                        {m.c, engine, DNNL_MEMORY_NONE},
                        {description.scratchpad_desc(), engine, DNNL_MEMORY_NONE}});
  }
}

void OneDnnProduct::run(const void* a, const void* b, float* c, void* scratch, int worker) const {
  WEFT_ASSERT(worker >= 0 && static_cast<size_t>(worker) < workers_.size());
  const OneOpenMpThread guard;
  const WorkerHandles& w = workers_[static_cast<size_t>(worker)];
  w.a.set_data_handle(const_cast<void*>(a));  // oneDNN's handles know no const
  w.b.set_data_handle(const_cast<void*>(b));
  w.c.set_data_handle(c);
  w.scratch.set_data_handle(scratch);
  const std::array<dnnl_exec_arg_t, 4> arguments = {{{DNNL_ARG_SRC, w.a.get()},
                                                     {DNNL_ARG_WEIGHTS, w.b.get()},
                                                     {DNNL_ARG_DST, w.c.get()},
                                                     {DNNL_ARG_SCRATCHPAD, w.scratch.get()}}};
  const dnnl_status_t status = dnnl_primitive_execute(
      product_.get(), w.stream.get(), static_cast<int>(arguments.size()), arguments.data());
  WEFT_ASSERT(status == dnnl_success);
}

}  // namespace

std::unique_ptr<TileProduct> make_onednn_product(const TileShape& shape, int workers) {
  return std::make_unique<OneDnnProduct>(shape, workers);
}

}  // namespace weft::kernels
