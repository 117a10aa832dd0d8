// Tile products by oneDNN's matmul primitive, from version 2.6 (Debian 12) to 3.x (Debian 13,
// Ubuntu 24.04). The distributions build oneDNN on OpenMP; every creation and execution here is
// told that it has one thread, so that oneDNN neither starts threads of its own nor splits a sum
// among them.
#include <omp.h>
#include <dnnl.hpp>

#include <algorithm>
#include <array>
#include <optional>
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

Matrices plain_matrices(const TileShape& s) {
  return {matrix(s.m, s.k, s.lda, s.trans_a, s.input), matrix(s.k, s.n, s.ldb, s.trans_b, s.input),
          matrix(s.m, s.n, s.ldc, false, DType::kF32)};
}

dnnl::matmul::primitive_desc describe(const Matrices& m) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
#if DNNL_VERSION_MAJOR >= 3
  return {cpu_engine(), m.a, m.b, m.c, attributes};
#else
  return {dnnl::matmul::desc(m.a, m.b, m.c), attributes, cpu_engine()};
#endif
}

// The layout of B that oneDNN likes best for this shape with packed_for_m rows.
dnnl::memory::desc packed_layout(const TileShape& shape) {
  TileShape first = shape;
  first.m = shape.packed_for_m;
  Matrices m = plain_matrices(first);
  m.b = {{shape.k, shape.n}, onednn_type(shape.input), dnnl::memory::format_tag::any};
  return describe(m).weights_desc();
}

bool packs_a(const TileShape& shape) {
  return shape.packed_for_m > 0 && shape.trans_a;
}
bool packs_b(const TileShape& shape) {
  return shape.packed_for_m > 0;
}

Matrices matrices_of(const TileShape& shape) {
  Matrices m = plain_matrices(shape);
  if (packs_a(shape)) m.a = matrix(shape.m, shape.k, shape.k, false, shape.input);
  if (packs_b(shape)) m.b = packed_layout(shape);
  return m;
}

dnnl::reorder::primitive_desc describe_packing(const dnnl::memory::desc& from,
                                               const dnnl::memory::desc& to) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return {cpu_engine(), from, cpu_engine(), to, attributes};
}

// What `describe` gives, with one thread and a message that names the shape.
template <class Describe>
auto described(const TileShape& shape, Describe describe) {
  const OneOpenMpThread guard;
  try {
    return describe();
  } catch (const dnnl::error& e) {
    throw Error("oneDNN refuses a " + std::string(name_of(shape.input)) + " matrix product of " +
                std::to_string(shape.m) + " x " + std::to_string(shape.n) + " x " +
                std::to_string(shape.k) + " on this processor (" + std::string(name_of(cpu_isa())) +
                "): " + e.message);
  }
}

template <size_t n>
void execute(const dnnl::primitive& primitive, const dnnl::stream& stream,
             const std::array<dnnl_exec_arg_t, n>& arguments) {
  const dnnl_status_t status =
      dnnl_primitive_execute(primitive.get(), stream.get(), static_cast<int>(n), arguments.data());
  WEFT_ASSERT(status == dnnl_success);
}

dnnl::memory handle_of(const dnnl::memory::desc& desc) {
  return {desc, cpu_engine(), DNNL_MEMORY_NONE};
}

// One operand's way from where it lies into the layout of the product.
class Packing {
 public:
  Packing(const dnnl::memory::desc& from, const dnnl::memory::desc& to, int workers) {
    const auto description = describe_packing(from, to);
    reorder_ = dnnl::reorder(description);
    for (int worker = 0; worker < workers; ++worker)
      handles_.push_back(
          {handle_of(from), handle_of(to), handle_of(description.scratchpad_desc())});
  }

  void run(const void* from, void* to, void* scratch, int worker,
           const dnnl::stream& stream) const {
    const Handles& h = handles_[static_cast<size_t>(worker)];
    h.from.set_data_handle(const_cast<void*>(from));  // oneDNN's handles know no const
    h.to.set_data_handle(to);
    h.scratch.set_data_handle(scratch);
    execute<3>(reorder_, stream,
               {{{DNNL_ARG_FROM, h.from.get()},
                 {DNNL_ARG_TO, h.to.get()},
                 {DNNL_ARG_SCRATCHPAD, h.scratch.get()}}});
  }

 private:
  struct Handles {
    dnnl::memory from, to, scratch;
  };
  dnnl::reorder reorder_;
  std::vector<Handles> handles_;
};

// A worker's own handles: the data pointers in them change with every execution.
struct WorkerHandles {
  dnnl::stream stream;
  dnnl::memory a, b, c, scratch;
};

class OneDnnProduct final : public TileProduct {
 public:
  OneDnnProduct(const TileShape& shape, int workers);
  void run(const void* a, const void* b, float* c, void* scratch, int worker) const override;
  void pack_a(const void* a, void* packed, void* scratch, int worker) const override;
  void pack_b(const void* b, void* packed, void* scratch, int worker) const override;

 private:
  const WorkerHandles& handles(int worker) const {
    WEFT_ASSERT(worker >= 0 && static_cast<size_t>(worker) < workers_.size());
    return workers_[static_cast<size_t>(worker)];
  }

  dnnl::matmul product_;
  std::optional<Packing> packing_a_, packing_b_;
  std::vector<WorkerHandles> workers_;
};

OneDnnProduct::OneDnnProduct(const TileShape& shape, int workers) {
  described(shape, [&] {
    const Matrices m = matrices_of(shape), plain = plain_matrices(shape);
    const auto description = describe(m);
    product_ = dnnl::matmul(description);
    if (packs_a(shape)) packing_a_.emplace(plain.a, m.a, workers);
    if (packs_b(shape)) packing_b_.emplace(plain.b, m.b, workers);
    for (int worker = 0; worker < workers; ++worker) {
      workers_.push_back({dnnl::stream(cpu_engine()), handle_of(m.a), handle_of(m.b),
                          handle_of(m.c), handle_of(description.scratchpad_desc())});
    }
  });
}

void OneDnnProduct::run(const void* a, const void* b, float* c, void* scratch, int worker) const {
  const OneOpenMpThread guard;
  const WorkerHandles& w = handles(worker);
  w.a.set_data_handle(const_cast<void*>(a));
  w.b.set_data_handle(const_cast<void*>(b));
  w.c.set_data_handle(c);
  w.scratch.set_data_handle(scratch);
  execute<4>(product_, w.stream,
             {{{DNNL_ARG_SRC, w.a.get()},
               {DNNL_ARG_WEIGHTS, w.b.get()},
               {DNNL_ARG_DST, w.c.get()},
               {DNNL_ARG_SCRATCHPAD, w.scratch.get()}}});
}

void OneDnnProduct::pack_a(const void* a, void* packed, void* scratch, int worker) const {
  const OneOpenMpThread guard;
  packing_a_->run(a, packed, scratch, worker, handles(worker).stream);
}

void OneDnnProduct::pack_b(const void* b, void* packed, void* scratch, int worker) const {
  const OneOpenMpThread guard;
  packing_b_->run(b, packed, scratch, worker, handles(worker).stream);
}

}  // namespace

TileMemory onednn_memory(const TileShape& shape) {
  return described(shape, [&] {
    const Matrices m = matrices_of(shape), plain = plain_matrices(shape);
    TileMemory memory{.scratch = describe(m).scratchpad_desc().get_size()};
    const auto packs = [&](const dnnl::memory::desc& from, const dnnl::memory::desc& to) {
      const size_t scratch = describe_packing(from, to).scratchpad_desc().get_size();
      memory.scratch = std::max(memory.scratch, scratch);
      return to.get_size();
    };
    if (packs_a(shape)) memory.packed_a = packs(plain.a, m.a);
    if (packs_b(shape)) memory.packed_b = packs(plain.b, m.b);
    return memory;
  });
}

std::unique_ptr<TileProduct> make_onednn_product(const TileShape& shape, int workers) {
  return std::make_unique<OneDnnProduct>(shape, workers);
}

}  // namespace weft::kernels
