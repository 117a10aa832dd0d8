#include "naive_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/attention_common.h"
#include "ops/kernel_call.h"
#include "ops/random_state.h"
#include "weft/ops/linear.h"

namespace weft::test {

using graph::KernelCall;

namespace {

// An element of an operand, or of a result, in either element type.
double get(const void* data, DType dtype, int64_t i) {
  if (dtype == DType::kF32) return static_cast<const float*>(data)[i];
  return static_cast<float>(static_cast<const BFloat16*>(data)[i]);
}

void set(void* data, DType dtype, int64_t i, double value) {
  if (dtype == DType::kF32) static_cast<float*>(data)[i] = static_cast<float>(value);
  else static_cast<BFloat16*>(data)[i] = BFloat16(static_cast<float>(value));
}

constexpr int64_t kKeysInBlock = 64;

// The running state of one query's softmax.
struct Query {
  int64_t b, head, t;
  double largest = -std::numeric_limits<double>::infinity();
  double total = 0;
  std::vector<double> out;
};

class NaiveAttention {
 public:
  NaiveAttention(const KernelCall& call, bool rescale)
      : call_(call),
        p_(call.params.as<ops::AttentionParams>()),
        s_(ops::self_attention_shape(call.inputs[0].type.shape, p_)),
        rescale_(rescale) {
    if (p_.dropout == 0.0) return;
    const ops::RandomState state = ops::random_state(call, 2, p_.dropout_key);
    dropout_ = {static_cast<float>(p_.dropout), state.key, state.first_sample};
  }

  void run() const {
    for (int64_t b = 0; b < s_.B; ++b)
      for (int64_t head = 0; head < s_.H; ++head)
        for (int64_t t = 0; t < s_.T; ++t) {
          Query query{b, head, t};
          query.out.assign(static_cast<size_t>(s_.D), 0.0);
          for (int64_t first = 0; first < s_.S; first += kKeysInBlock) add_block(first, query);
          write(query);
        }
  }

 private:
  double element(int64_t b, int64_t t, int64_t column) const {
    const int64_t i = (b * s_.T + t) * ops::packed_width(p_) + column;
    return get(call_.inputs[0].data, call_.inputs[0].type.dtype, i);
  }
  int64_t key_column(int64_t head) const { return (s_.H + head / (s_.H / s_.K)) * s_.D; }

  bool sees(const Query& q, int64_t key) const {
    if (p_.causal && key > q.t) return false;
    if (p_.window > 0 && key <= q.t - p_.window) return false;
    if (!call_.has(1)) return true;
    const int32_t* range = call_.in<int32_t>(1) + 2 * (q.b * s_.T + q.t);
    return key >= range[0] && key < range[1];
  }

  double score(const Query& q, int64_t key) const {
    double sum = 0;
    for (int64_t d = 0; d < s_.D; ++d)
      sum += element(q.b, q.t, q.head * s_.D + d) * element(q.b, key, key_column(q.head) + d);
    return sum * ops::attention_scale(p_);
  }

  double factor(const Query& q, int64_t key) const {
    if (dropout_.p == 0.0f) return 1.0;
    const uint32_t word = kernels::attention_dropout_word(dropout_, s_, {q.b, q.head, q.t, key});
    return uniform_from(word) < dropout_.p ? 0.0 : 1.0 / (1.0 - static_cast<double>(dropout_.p));
  }

  void add_block(int64_t first, Query& q) const {
    const int64_t end = std::min(s_.S, first + kKeysInBlock);
    const double before = q.largest;
    for (int64_t key = first; key < end; ++key)
      if (sees(q, key)) q.largest = std::fmax(q.largest, score(q, key));
    if (rescale_ && std::isfinite(before)) {
      const double shrink = std::exp(before - q.largest);
      q.total *= shrink;
      for (double& value : q.out) value *= shrink;
    }
    for (int64_t key = first; key < end; ++key) {
      if (!sees(q, key)) continue;
      const double weight = std::exp(score(q, key) - q.largest);
      q.total += weight;
      for (int64_t d = 0; d < s_.D; ++d)
        q.out[static_cast<size_t>(d)] +=
            weight * factor(q, key) * element(q.b, key, key_column(q.head) + s_.K * s_.D + d);
    }
  }

  void write(const Query& q) const {
    const int64_t row = (q.b * s_.T + q.t) * ops::query_width(p_) + q.head * s_.D;
    for (int64_t d = 0; d < s_.D; ++d)
      set(call_.outputs[0].data, call_.outputs[0].type.dtype, row + d,
          q.total > 0 ? q.out[static_cast<size_t>(d)] / q.total : 0.0);
    call_.out<float>(1)[(q.b * s_.H + q.head) * s_.T + q.t] =
        static_cast<float>(q.largest + std::log(q.total));
  }

  const KernelCall& call_;
  const ops::AttentionParams& p_;
  kernels::AttentionShape s_;
  kernels::AttentionDropout dropout_;
  bool rescale_;
};

}  // namespace

template <WeightRead read>
void naive_linear(const KernelCall& call) {
  const DType dtype = call.inputs[0].type.dtype;
  const Shape& weight = call.inputs[1].type.shape;
  const int64_t in = call.inputs[0].type.shape.back(), out = call.outputs[0].type.shape.back();
  bool rows = call.params.as<ops::LinearParams>().layout == ops::WeightLayout::kOutIn;
  if (read == WeightRead::kTransposed) rows = !rows;
  for (int64_t i = 0; i < call.outputs[0].type.shape.elements(); ++i) {
    const int64_t row = i / out, column = i % out;
    double sum = call.has(2) ? static_cast<double>(call.in<float>(2)[column]) : 0.0;
    for (int64_t k = 0; k < in; ++k)
      sum += get(call.inputs[0].data, dtype, row * in + k) *
             get(call.inputs[1].data, dtype,
                 (rows ? column * in + k : k * out + column) % weight.elements());
    set(call.outputs[0].data, call.outputs[0].type.dtype, i, sum);
  }
}
template void naive_linear<WeightRead::kAsStored>(const KernelCall&);
template void naive_linear<WeightRead::kTransposed>(const KernelCall&);

template <Rescale rescale>
void naive_attention(const KernelCall& call) {
  NaiveAttention(call, rescale == Rescale::kYes).run();
}
template void naive_attention<Rescale::kNo>(const KernelCall&);
template void naive_attention<Rescale::kYes>(const KernelCall&);

}  // namespace weft::test
