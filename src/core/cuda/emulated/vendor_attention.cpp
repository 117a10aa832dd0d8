// A stand-in for cuDNN's attention on the emulated device, for tests of what chooses between it and
// our kernels: plain loops over pairs. It is there where the environment's WEFT_EMULATED_CUDNN
// gives it a version. Compiled into libweft_emulated.so alone.
//
// Its two algorithms differ in what they round, so that bits tell which one ran.
#include "core/cuda/emulated/vendor_attention.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "core/cuda/emulated/faults.h"
#include "core/cuda/emulated/memory.h"

namespace weft::device::emulated {
namespace {

constexpr int kAlgorithms = 2;

struct PreparedAttention {
  Attention shape;
  int algorithm = 0;
};

// One query head and the keys and values that it reads, within packed rows.
struct Head {
  const Attention& a;
  int64_t b, head;

  int64_t row() const { return (a.heads + 2 * a.kv_heads) * a.width; }
  int64_t query(int64_t t) const { return (b * a.tokens + t) * row() + head * a.width; }
  int64_t key(int64_t s) const {
    return (b * a.tokens + s) * row() + (a.heads + head / (a.heads / a.kv_heads)) * a.width;
  }
  int64_t value(int64_t s) const { return key(s) + a.kv_heads * a.width; }
  int64_t out(int64_t t) const { return ((b * a.tokens + t) * a.heads + head) * a.width; }
  int64_t statistic(int64_t t) const { return (b * a.heads + head) * a.tokens + t; }

  int64_t first_key(int64_t t) const {
    return a.window > 0 ? std::max<int64_t>(0, t + 1 - a.window) : 0;
  }
  int64_t end_key(int64_t t) const { return a.causal ? t + 1 : a.tokens; }
};

float dot(const BFloat16* x, const BFloat16* y, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<float>(x[i]) * static_cast<float>(y[i]);
  return sum;
}

// The first algorithm multiplies with rounded probabilities.
float weight(const PreparedAttention& p, float probability) {
  return p.algorithm == 0 ? static_cast<float>(BFloat16(probability)) : probability;
}

void forward_query(const PreparedAttention& p, const AttentionArgs& args, const Head& at,
                   int64_t t) {
  const auto* qkv = static_cast<const BFloat16*>(args.qkv);
  const int64_t width = p.shape.width, first = at.first_key(t), end = at.end_key(t);
  std::vector<float> scores;
  float largest = -std::numeric_limits<float>::infinity(), total = 0;
  for (int64_t s = first; s < end; ++s) {
    scores.push_back(args.scale * dot(qkv + at.query(t), qkv + at.key(s), width));
    largest = std::max(largest, scores.back());
  }
  for (float& score : scores) total += score = std::exp(score - largest);
  args.log_sum_exp[at.statistic(t)] = largest + std::log(total);
  for (int64_t d = 0; d < width; ++d) {
    float sum = 0;
    for (int64_t s = first; s < end; ++s)
      sum += weight(p, scores[static_cast<size_t>(s - first)] / total) *
             static_cast<float>(qkv[at.value(s) + d]);
    static_cast<BFloat16*>(args.out)[at.out(t) + d] = BFloat16(sum);
  }
}

void forward(const PreparedAttention& p, const AttentionArgs& args) {
  for (int64_t b = 0; b < p.shape.batch; ++b)
    for (int64_t head = 0; head < p.shape.heads; ++head)
      for (int64_t t = 0; t < p.shape.tokens; ++t)
        forward_query(p, args, Head{p.shape, b, head}, t);
}

// Adds what a query gives to the sums of the packed gradient. The sums of dout out lie in the
// workspace, as cuDNN's do.
void backward_query(const PreparedAttention& p, const AttentionArgs& args, const Head& at,
                    int64_t t, std::vector<float>& sums) {
  const auto* qkv = static_cast<const BFloat16*>(args.qkv);
  const BFloat16* dout = static_cast<const BFloat16*>(args.dout) + at.out(t);
  const int64_t width = p.shape.width, statistic = at.statistic(t);
  float& delta = static_cast<float*>(args.workspace)[statistic];
  delta = dot(dout, static_cast<const BFloat16*>(args.out) + at.out(t), width);
  const auto sum = [&sums](int64_t i) -> float& { return sums[static_cast<size_t>(i)]; };
  for (int64_t s = at.first_key(t); s < at.end_key(t); ++s) {
    const float score = args.scale * dot(qkv + at.query(t), qkv + at.key(s), width);
    const float probability = std::exp(score - args.log_sum_exp[statistic]);
    const float dp = dot(dout, qkv + at.value(s), width);
    const float ds = weight(p, args.scale * probability * (dp - delta));
    for (int64_t d = 0; d < width; ++d) {
      sum(at.value(s) + d) += weight(p, probability) * static_cast<float>(dout[d]);
      sum(at.query(t) + d) += ds * static_cast<float>(qkv[at.key(s) + d]);
      sum(at.key(s) + d) += ds * static_cast<float>(qkv[at.query(t) + d]);
    }
  }
}

void backward(const PreparedAttention& p, const AttentionArgs& args) {
  const Attention& a = p.shape;
  const int64_t row = (a.heads + 2 * a.kv_heads) * a.width;
  std::vector<float> sums(static_cast<size_t>(a.batch * a.tokens * row));
  for (int64_t b = 0; b < a.batch; ++b)
    for (int64_t head = 0; head < a.heads; ++head)
      for (int64_t t = 0; t < a.tokens; ++t) backward_query(p, args, Head{a, b, head}, t, sums);
  static_cast<std::byte*>(args.workspace)[attention_workspace(a) - 1] = {};  // is it all there?
  for (size_t i = 0; i < sums.size(); ++i) static_cast<BFloat16*>(args.dqkv)[i] = BFloat16(sums[i]);
}

}  // namespace

const VendorLibrary& attention_library() {
  static const char* const kVersion = std::getenv("WEFT_EMULATED_CUDNN");
  static const VendorLibrary kMissing{.name = "cuDNN",
                                      .task = "compute attention",
                                      .why_not = "the emulated device has no libcudnn.so"};
  static const VendorLibrary kFound{.name = "cuDNN",
                                    .task = "compute attention",
                                    .version = kVersion,
                                    .file = "libweft_emulated.so"};
  return kVersion == nullptr || *kVersion == '\0' ? kMissing : kFound;
}

// As of cuDNN: heads of whole vectors.
Status attention_create(void** out, const Attention& attention, int rank, int64_t workspace_bytes) {
  constexpr int64_t kWidthUnit = 8;
  const int64_t needed = attention.backward ? attention_workspace(attention) : 0;
  if (attention.width % kWidthUnit != 0 || rank < 0 || rank >= kAlgorithms ||
      needed > workspace_bytes)
    return kUnsupported;
  *out = new PreparedAttention{attention, rank};
  return kSuccess;
}

Status attention_run(void* attention, const AttentionArgs& args, void* stream) {
  if (const Status status = faults().on_attention(); status != kSuccess) return status;
  const PreparedAttention prepared = *static_cast<const PreparedAttention*>(attention);
  put_on_stream(stream, [prepared, args] {
    if (prepared.shape.backward) backward(prepared, args);
    else forward(prepared, args);
  });
  return kSuccess;
}

Status attention_destroy(void* attention) {
  delete static_cast<PreparedAttention*>(attention);
  return kSuccess;
}

}  // namespace weft::device::emulated
