// The operations are those that cuDNN's engines for attention know: matrix products, the mask by
// indices of rows and columns, softmax as its parts. Read beside it: NVIDIA's cudnn-frontend
// (scaled_dot_product_flash_attention.h), whose graphs these are for what we ask of it.
//
// Letters: B batch, T tokens, H query heads, K key/value heads, D width of a head.
#include "core/cuda/runtime/cudnn_graph_cuda.h"

#include <array>

namespace weft::device::cudnn {
namespace {

constexpr cudnnDataType_t kFloat = CUDNN_DATA_FLOAT, kBF16 = CUDNN_DATA_BFLOAT16;

struct Layout {
  std::array<int64_t, 4> dims, strides;
};

Layout dense(int64_t a, int64_t b, int64_t c, int64_t d) {
  return {{a, b, c, d}, {b * c * d, c * d, d, 1}};
}
Layout transposed(Layout layout) {
  std::swap(layout.dims[2], layout.dims[3]);
  std::swap(layout.strides[2], layout.strides[3]);
  return layout;
}

struct Pointwise {
  cudnnPointwiseMode_t mode;
  Descriptor x, b = nullptr, predicate = nullptr;
  cudnnDataType_t math = kFloat;
  int64_t axis = -1;
};

class Builder {
 public:
  Builder(Descriptors& into, const Attention& attention) : into_(into), a_(attention) {}

  void forward();
  void backward();
  Descriptor finish(cudnnHandle_t handle);

 private:
  // Heads of the packed rows, and of dense ones.
  Layout packed(int64_t heads) const {
    const int64_t row = (a_.heads + 2 * a_.kv_heads) * a_.width;
    return {{a_.batch, heads, a_.tokens, a_.width}, {a_.tokens * row, a_.width, row, 1}};
  }
  Layout rows_of_heads() const {
    const int64_t row = a_.heads * a_.width;
    return {{a_.batch, a_.heads, a_.tokens, a_.width}, {a_.tokens * row, a_.width, row, 1}};
  }
  Layout scores() const { return dense(a_.batch, a_.heads, a_.tokens, a_.tokens); }
  Layout heads_by_tokens() const { return dense(a_.batch, a_.heads, a_.tokens, a_.width); }
  Layout statistics() const { return dense(a_.batch, a_.heads, a_.tokens, 1); }

  Descriptor tensor(int64_t id, const Layout& layout, cudnnDataType_t type);
  Descriptor memory(TensorId id, const Layout& layout, cudnnDataType_t type);
  Descriptor value(TensorId id);
  Descriptor inner(const Layout& layout, cudnnDataType_t type = kFloat);

  void add(Descriptor operation) {
    into_.finalize(operation);
    operations_.push_back(operation);
  }
  Descriptor pointwise(const Pointwise& p, Descriptor y);
  Descriptor multiply(Descriptor a, Descriptor b, Descriptor c);
  Descriptor reduce(cudnnReduceTensorOp_t op, Descriptor x, Descriptor y);
  Descriptor reshape(Descriptor x, Descriptor y);

  Descriptor scaled_scores(Descriptor q, Descriptor k_transposed, Descriptor scale);
  Descriptor index(Descriptor like, int64_t axis);
  Descriptor where(Descriptor visible, Descriptor x);
  Descriptor masked(Descriptor x);
  Descriptor softmax(Descriptor x);
  void gradient_of_kv(Descriptor transposed_scores, Descriptor by, TensorId id);
  Descriptor delta(Descriptor dout);

  Descriptors& into_;
  const Attention& a_;
  std::vector<Descriptor> operations_ = {};
  Descriptor minus_infinity_ = nullptr;
  int64_t next_inner_ = kFirstInner;
};

// ---- Tensors -----------------------------------------------------------------------------------

Descriptor Builder::tensor(int64_t id, const Layout& layout, cudnnDataType_t type) {
  constexpr int64_t kAlignment = 16;
  const Descriptor made = into_.make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  into_.set(made, CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
  into_.set(made, CUDNN_ATTR_TENSOR_DATA_TYPE, type);
  into_.set(made, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kAlignment);
  into_.set_values(made, CUDNN_ATTR_TENSOR_DIMENSIONS, std::span<const int64_t>(layout.dims));
  into_.set_values(made, CUDNN_ATTR_TENSOR_STRIDES, std::span<const int64_t>(layout.strides));
  return made;
}

Descriptor Builder::memory(TensorId id, const Layout& layout, cudnnDataType_t type) {
  const Descriptor made = tensor(id, layout, type);
  into_.finalize(made);
  return made;
}

Descriptor Builder::value(TensorId id) {
  const Descriptor made = tensor(id, dense(1, 1, 1, 1), kFloat);
  into_.set(made, CUDNN_ATTR_TENSOR_IS_BY_VALUE, true);
  into_.finalize(made);
  return made;
}

Descriptor Builder::inner(const Layout& layout, cudnnDataType_t type) {
  const Descriptor made = tensor(next_inner_++, layout, type);
  into_.set(made, CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  into_.finalize(made);
  return made;
}

// ---- Operations --------------------------------------------------------------------------------

Descriptor Builder::pointwise(const Pointwise& p, Descriptor y) {
  const Descriptor what = into_.make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  into_.set(what, CUDNN_ATTR_POINTWISE_MODE, p.mode);
  into_.set(what, CUDNN_ATTR_POINTWISE_MATH_PREC, p.math);
  if (p.axis >= 0) into_.set(what, CUDNN_ATTR_POINTWISE_AXIS, p.axis);
  into_.finalize(what);
  const Descriptor operation = into_.make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  into_.set(operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
  into_.set(operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, p.x);
  if (p.b != nullptr) into_.set(operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, p.b);
  if (p.predicate != nullptr)
    into_.set(operation, CUDNN_ATTR_OPERATION_POINTWISE_TDESC, p.predicate);
  into_.set(operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  add(operation);
  return y;
}

Descriptor Builder::multiply(Descriptor a, Descriptor b, Descriptor c) {
  const Descriptor what = into_.make(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  into_.set(what, CUDNN_ATTR_MATMUL_COMP_TYPE, kFloat);
  into_.finalize(what);
  const Descriptor operation = into_.make(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  into_.set(operation, CUDNN_ATTR_OPERATION_MATMUL_DESC, what);
  into_.set(operation, CUDNN_ATTR_OPERATION_MATMUL_ADESC, a);
  into_.set(operation, CUDNN_ATTR_OPERATION_MATMUL_BDESC, b);
  into_.set(operation, CUDNN_ATTR_OPERATION_MATMUL_CDESC, c);
  add(operation);
  return c;
}

Descriptor Builder::reduce(cudnnReduceTensorOp_t op, Descriptor x, Descriptor y) {
  const Descriptor what = into_.make(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  into_.set(what, CUDNN_ATTR_REDUCTION_OPERATOR, op);
  into_.set(what, CUDNN_ATTR_REDUCTION_COMP_TYPE, kFloat);
  into_.finalize(what);
  const Descriptor operation = into_.make(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  into_.set(operation, CUDNN_ATTR_OPERATION_REDUCTION_DESC, what);
  into_.set(operation, CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x);
  into_.set(operation, CUDNN_ATTR_OPERATION_REDUCTION_YDESC, y);
  add(operation);
  return y;
}

Descriptor Builder::reshape(Descriptor x, Descriptor y) {
  const Descriptor operation = into_.make(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
  into_.set(operation, CUDNN_ATTR_OPERATION_RESHAPE_XDESC, x);
  into_.set(operation, CUDNN_ATTR_OPERATION_RESHAPE_YDESC, y);
  add(operation);
  return y;
}

Descriptor Builder::finish(cudnnHandle_t handle) {
  const Descriptor graph = into_.make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  into_.set_values(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, std::span<const Descriptor>(operations_));
  if (handle != nullptr) into_.set(graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle);
  into_.finalize(graph);
  return graph;
}

// ---- Attention ---------------------------------------------------------------------------------

Descriptor Builder::scaled_scores(Descriptor q, Descriptor k_transposed, Descriptor scale) {
  const Descriptor products = multiply(q, k_transposed, inner(scores()));
  return pointwise({CUDNN_POINTWISE_MUL, products, scale}, inner(scores()));
}

Descriptor Builder::index(Descriptor like, int64_t axis) {
  return pointwise({.mode = CUDNN_POINTWISE_GEN_INDEX, .x = like, .axis = axis},
                   inner(scores(), CUDNN_DATA_INT32));
}

Descriptor Builder::where(Descriptor visible, Descriptor x) {
  if (minus_infinity_ == nullptr) minus_infinity_ = value(kMasked);
  return pointwise({CUDNN_POINTWISE_BINARY_SELECT, x, minus_infinity_, visible}, inner(scores()));
}

// Query t sees keys s <= t, and of these, with a window, s > t - window.
Descriptor Builder::masked(Descriptor x) {
  constexpr int64_t kQueries = 2, kKeys = 3;
  const auto compare = [this](cudnnPointwiseMode_t mode, Descriptor left, Descriptor right) {
    return pointwise({.mode = mode, .x = left, .b = right, .math = CUDNN_DATA_BOOLEAN},
                     inner(scores(), CUDNN_DATA_BOOLEAN));
  };
  if (!a_.causal) return x;
  const Descriptor row = index(x, kQueries), column = index(x, kKeys);
  const Descriptor result = where(compare(CUDNN_POINTWISE_CMP_GE, row, column), x);
  if (a_.window == 0) return result;
  const Descriptor row_again = index(result, kQueries), column_again = index(result, kKeys);
  const Descriptor end =
      pointwise({CUDNN_POINTWISE_ADD, column_again, value(kWindow)}, inner(scores()));
  return where(compare(CUDNN_POINTWISE_CMP_GT, end, row_again), result);
}

// Probabilities in bf16; the log-sum-exp beside them.
Descriptor Builder::softmax(Descriptor x) {
  const Descriptor largest = reduce(CUDNN_REDUCE_TENSOR_MAX, x, inner(statistics()));
  const Descriptor below = pointwise({CUDNN_POINTWISE_SUB, x, largest}, inner(scores()));
  const Descriptor powers = pointwise({CUDNN_POINTWISE_EXP, below}, inner(scores()));
  const Descriptor total = reduce(CUDNN_REDUCE_TENSOR_ADD, powers, inner(statistics()));
  const Descriptor log = pointwise({CUDNN_POINTWISE_LOG, total}, inner(statistics()));
  pointwise({CUDNN_POINTWISE_ADD, largest, log}, memory(kLse, statistics(), kFloat));
  return pointwise({CUDNN_POINTWISE_DIV, powers, total}, inner(scores(), kBF16));
}

void Builder::forward() {
  const Descriptor q = memory(kQ, packed(a_.heads), kBF16);
  const Descriptor k = memory(kK, transposed(packed(a_.kv_heads)), kBF16);
  const Descriptor v = memory(kV, packed(a_.kv_heads), kBF16);
  const Descriptor weights = softmax(masked(scaled_scores(q, k, value(kScale))));
  multiply(weights, v, memory(kOut, rows_of_heads(), kBF16));
}

// The sums of dout out, a number for each query and head.
Descriptor Builder::delta(Descriptor dout) {
  const Descriptor out = memory(kOut, rows_of_heads(), kBF16);
  const Descriptor terms = pointwise({CUDNN_POINTWISE_MUL, dout, out}, inner(heads_by_tokens()));
  const Descriptor sums = reduce(CUDNN_REDUCE_TENSOR_ADD, terms, inner(statistics()));
  // The engines look for a factor here, dropout's in general.
  return pointwise({CUDNN_POINTWISE_MUL, sums, value(kOne)}, memory(kDelta, statistics(), kFloat));
}

// [B, K, T, D] = transposed scores [B, H, T, T] by [B, H, T, D]; heads that share one are added.
void Builder::gradient_of_kv(Descriptor transposed_scores, Descriptor by, TensorId id) {
  const Descriptor result = memory(id, packed(a_.kv_heads), kBF16);
  if (a_.heads == a_.kv_heads) {
    multiply(transposed_scores, by, result);
    return;
  }
  const Descriptor of_all_heads = multiply(transposed_scores, by, inner(heads_by_tokens(), kBF16));
  reduce(CUDNN_REDUCE_TENSOR_ADD, of_all_heads, result);
}

void Builder::backward() {
  const Descriptor q = memory(kQ, packed(a_.heads), kBF16);
  const Descriptor k = memory(kK, transposed(packed(a_.kv_heads)), kBF16);
  const Descriptor v = memory(kV, transposed(packed(a_.kv_heads)), kBF16);
  const Descriptor dout = memory(kDout, rows_of_heads(), kBF16);
  const Descriptor scale = value(kScale);
  const Descriptor sums = delta(dout);
  const auto turned = [this](Descriptor x) {
    return reshape(x, inner(transposed(scores()), kBF16));
  };

  const Descriptor s = scaled_scores(q, k, scale);
  const Descriptor lse = memory(kLse, statistics(), kFloat);
  const Descriptor logs = pointwise({CUDNN_POINTWISE_SUB, s, lse}, inner(scores()));
  const Descriptor p = pointwise({CUDNN_POINTWISE_EXP, masked(logs)}, inner(scores()));
  gradient_of_kv(turned(p), dout, kDv);

  const Descriptor dp = multiply(dout, v, inner(scores()));
  const Descriptor centred = pointwise({CUDNN_POINTWISE_SUB, dp, sums}, inner(scores()));
  const Descriptor weighted = pointwise({CUDNN_POINTWISE_MUL, centred, p}, inner(scores()));
  const Descriptor ds = pointwise({CUDNN_POINTWISE_MUL, weighted, scale}, inner(scores()));
  gradient_of_kv(turned(ds), q, kDk);

  const Descriptor keys = reshape(k, inner(packed(a_.kv_heads), kBF16));
  const Descriptor dq = multiply(ds, keys, memory(kDqSums, heads_by_tokens(), kFloat));
  pointwise({CUDNN_POINTWISE_IDENTITY, dq}, memory(kDq, packed(a_.heads), kBF16));
}

}  // namespace

Descriptor attention_graph(Descriptors& into, const Attention& attention, cudnnHandle_t handle) {
  Builder builder(into, attention);
  if (attention.backward) builder.backward();
  else builder.forward();
  return builder.finish(handle);
}

}  // namespace weft::device::cudnn
