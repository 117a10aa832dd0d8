// Cross-entropy and its gradient in one kernel, on a GPU.
//
//   lse  = log sum_k exp(x[k])
//   loss = (1 - e) (lse - x[label]) + e / V sum_k (lse - x[k]) + z lse^2
//   dx   = scale ((1 + 2 z lse) softmax(x) - (1 - e) onehot(label) - e / V)
//
// A block owns a row of S elements, of which the first V are logits. First pass: each thread keeps
// the maximum of its part and the sum of exponentials below it, rescaled when the maximum rises
// (Milakov, Gimelshein, "Online normalizer calculation for softmax", 2018), so that logits are read
// once for the loss; the second pass reads them again, from L2 where the row fits, and writes the
// gradient where they may lie. Sums are float, the row's loss is double.
// Time: memory; 2 reads and a write, of which the second read is L2's: bytes / 4.3 TB/s on an H200.
// A row of 50,304 bf16 is 98 KiB read and written: 6.6 GB or 1.5 ms for 32,768 rows of GPT-2,
// beside 7.6 TFLOP of the head's three products, 7.7 ms at 989 TFLOP/s. Arithmetic hides beneath
// it: 20 instructions an element, two exponentials among them, at 128 a clock are 7,860 clocks a
// row, and 248 rows a multiprocessor 1.1 ms at 1.83 GHz.
#include <algorithm>
#include <cmath>

#include "kernels/cross_entropy/cross_entropy_cuda.h"
#include "kernels/cuda/barrier.h"
#include "kernels/cuda/warp.h"
#include "kernels/elementwise/vectors.h"

namespace weft::kernels {
namespace {

using namespace cuda;

struct Config {
  // A row of 50,304 bf16 is 6,288 vectors: 12 a thread. Narrow rows have smaller blocks, of which a
  // multiprocessor holds more at once; the row's width alone decides, and so fixes every sum.
  static constexpr unsigned kThreads = 512;
  static constexpr int64_t kVectorsPerThread = 4;
  static constexpr unsigned kLossThreads = 256;
};

struct Softmax {
  float maximum = -INFINITY, exponentials = 0.0f;

  WEFT_DEVICE void add(float x) {
    if (x > maximum) {
      exponentials = exponentials * expf(maximum - x) + 1.0f;
      maximum = x;
    } else if (x != -INFINITY) {  // NaN too
      exponentials += expf(x - maximum);
    }
  }
};

struct RowShared {
  BlockSums sums;
  float maxima[kMostWarps];
};

// The maximum over all threads, which each of them gets.
WEFT_DEVICE float block_max(float value, RowShared& shared) {
  value = reduce_lanes(value, Max{});
  if (lane_index() == 0) store(&shared.maxima[warp_index()], value);
  block_barrier();
  float result = -INFINITY;
  for (unsigned w = 0; w < warp_count(); ++w) result = Max{}(result, load(&shared.maxima[w]));
  return result;
}

struct Row {
  double lse;
  float logits;  // their sum
};

template <int kWidth, class T>
WEFT_DEVICE Row read_row(const T* x, int64_t V, RowShared& shared) {
  Softmax part;
  float logits = 0.0f;
  for (int64_t k = static_cast<int64_t>(thread_index()) * kWidth; k < V;
       k += static_cast<int64_t>(thread_count()) * kWidth) {
    const Vector<T, kWidth> v = load_some<kWidth>(x, k, V);
    for (int j = 0; j < kWidth && k + j < V; ++j) {
      part.add(to_float(v[j]));
      logits += to_float(v[j]);
    }
  }
  const float maximum = block_max(part.maximum, shared);
  const float weight = part.maximum == maximum ? 1.0f : expf(part.maximum - maximum);
  const float sum = block_sum(part.exponentials * weight, shared.sums, 0);
  return {static_cast<double>(maximum) + log(static_cast<double>(sum)),
          block_sum(logits, shared.sums, 1)};
}

template <class T>
WEFT_DEVICE double loss_of(const CrossEntropyRows<T>& a, const Row& row, float at_label) {
  const double e = a.label_smoothing, z = a.z_loss;
  double loss = (1 - e) * (row.lse - static_cast<double>(at_label)) + z * row.lse * row.lse;
  if (e != 0) loss += e * (row.lse - static_cast<double>(row.logits) / static_cast<double>(a.V));
  return loss;
}

// What a row adds to its gradient beside gain softmax(x).
struct Gradient {
  float lse = 0.0f, gain = 0.0f;
  float everywhere = 0.0f, at_label = 0.0f;
  int64_t label = 0;
};

template <int kWidth, class T>
WEFT_DEVICE void write_gradient(const CrossEntropyRows<T>& a, int64_t n, const Gradient& g) {
  const int64_t stride = a.S == 0 ? a.V : a.S;
  const T* x = a.logits_NS + n * stride;
  for (int64_t k = static_cast<int64_t>(thread_index()) * kWidth; k < stride;
       k += static_cast<int64_t>(thread_count()) * kWidth) {
    Vector<T, kWidth> v = load_some<kWidth>(x, k, stride);
    for (int j = 0; j < kWidth; ++j) {
      float dx = g.gain == 0.0f ? 0.0f : g.gain * expf(to_float(v[j]) - g.lse);
      dx -= g.everywhere + (k + j == g.label ? g.at_label : 0.0f);
      v[j] = from_float<T>(k + j < a.V ? dx : 0.0f);
    }
    store_some(a.dlogits_NS + n * stride, k, stride, v);
  }
}

template <class T, int kWidth>
WEFT_KERNEL(Config::kThreads)
rows_kernel(CrossEntropyRows<T> a) {
  RowShared& shared = shared_memory<RowShared>();
  const int64_t n = block_index().x, stride = a.S == 0 ? a.V : a.S;
  const int64_t label = load(a.labels_N + n);
  const bool ignored = label == a.ignore_index, known = label >= 0 && label < a.V;
  const T* x = a.logits_NS + n * stride;
  const Row row = read_row<kWidth>(x, a.V, shared);
  const float at_label = known ? to_float(load(x + label)) : NAN;
  block_barrier();  // all have read: the gradient may be written where the logits lie
  if (a.loss_N != nullptr && thread_index() == 0)
    store(a.loss_N + n, ignored ? 0.0 : loss_of(a, row, at_label));
  if (a.dlogits_NS == nullptr) return;
  const float scale = a.scale == nullptr ? 1.0f : load(a.scale);
  Gradient g{.label = label};
  if (!ignored) {
    g.lse = known ? static_cast<float>(row.lse) : NAN;
    g.gain = scale * (1.0f + 2.0f * a.z_loss * g.lse);
    g.everywhere = scale * a.label_smoothing / static_cast<float>(a.V);
    g.at_label = scale * (1.0f - a.label_smoothing);
  }
  write_gradient<kWidth>(a, n, g);
}

// One block: thread t adds rows t, t + threads, ...; then threads are added in pairs.
WEFT_KERNEL(Config::kLossThreads)
loss_kernel(CrossEntropyLoss a) {
  double* sums = shared_array<double>(0);
  double sum = 0;
  for (int64_t n = thread_index(); n < a.N; n += thread_count()) sum += load(a.loss_N + n);
  store(sums + thread_index(), sum);
  for (unsigned half = thread_count() / 2; half > 0; half /= 2) {
    block_barrier();
    if (thread_index() >= half) continue;
    store(sums + thread_index(), load(sums + thread_index()) + load(sums + thread_index() + half));
  }
  if (thread_index() == 0) store(a.loss, static_cast<float>(load(sums)));
}

unsigned threads_for(int64_t vectors) {
  const int64_t wanted = ceil_div(vectors, Config::kVectorsPerThread);
  return static_cast<unsigned>(
      std::clamp<int64_t>(round_up(wanted, kWarp), kWarp, Config::kThreads));
}

template <class T>
void rows(Stream stream, const CrossEntropyRows<T>& args) {
  if (args.N == 0) return;
  const int64_t stride = args.S == 0 ? args.V : args.S;
  const bool vectors = stride % kVectorOf<T> == 0 && aligned({args.logits_NS, args.dlogits_NS});
  const Launch how{.grid = {static_cast<unsigned>(args.N)},
                   .threads = threads_for(vectors ? stride / kVectorOf<T> : stride),
                   .shared_bytes = sizeof(RowShared),
                   .name = "cross_entropy_rows"};
  // Vectors under way: 3 x 512 x 16 bytes, where latency times bandwidth is 23 KiB (norm.cu).
  constexpr Design kDesign{Config::kThreads, sizeof(RowShared), 3, 3};
  if (vectors) return launch<rows_kernel<T, kVectorOf<T>>, kDesign>(stream, how, args);
  launch<rows_kernel<T, 1>, kDesign>(stream, how, args);
}

}  // namespace

void cross_entropy_rows(Stream stream, const CrossEntropyRows<float>& args) {
  rows(stream, args);
}
void cross_entropy_rows(Stream stream, const CrossEntropyRows<BFloat16>& args) {
  rows(stream, args);
}

void sum_of_losses(Stream stream, const CrossEntropyLoss& args) {
  launch(stream,
         {.threads = Config::kLossThreads,
          .shared_bytes = Config::kLossThreads * sizeof(double),
          .name = "sum_of_losses"},
         loss_kernel, args);
}

}  // namespace weft::kernels
