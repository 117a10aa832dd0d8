// A vendor's libraries behind a device library: matrix products of cuBLASLt (libcublasLt.so) and
// attention of cuDNN (libcudnn.so). They are looked for when they are first asked for, so that an
// installation runs where they are missing; our own kernels serve there. One table of functions
// without a type of the vendor's, as api.h. Not here: which kernel is chosen
// (ops/kernel_chooser.h).
#pragma once

#include <cstdint>
#include <string>

#include "core/cuda/api.h"
#include "weft/dtype.h"

namespace weft::device {

// Beside the numbers of api.h.
inline constexpr Status kUnsupported = -9;           // the vendor's library has no algorithm for it
inline constexpr Status kVendorStatus = 1 << 20;     // and above: cuBLASLt's own number, added
inline constexpr Status kAttentionStatus = 1 << 21;  // and above: cuDNN's

// A library and what was found of it. Texts live as long as the process.
struct VendorLibrary {
  const char* name = "";     // "cuBLASLt"
  const char* task = "";     // what our own kernels do without it: "multiply"
  const char* version = "";  // "13.1.0"
  const char* file = "";
  const char* why_not = "";  // empty: it can be used

  bool usable() const { return *why_not == '\0'; }
  std::string text() const { return std::string(name) + " " + version; }
};

enum class ProductActivation : uint8_t { kNone, kGeluTanh, kRelu };
// Whether a result is added to what stands in its place: known when it is prepared, or 1 or 0 in
// the device's memory.
enum class ProductAdds : uint8_t { kNo, kYes, kByFlag };

// C [m, n] = activation(A [m, k] B [k, n] + bias), or C += A B. Matrices by rows of so many
// elements (never 0 here); a transposed one is stored [k, m], or [n, k].
struct Product {
  int64_t m = 0, n = 0, k = 0;
  bool trans_a = false, trans_b = false;
  int64_t lda = 0, ldb = 0, ldc = 0;
  DType input = DType::kF32, output = DType::kF32;  // f32 or bf16; sums are f32
  bool bias = false;                                // one value per column
  DType bias_dtype = DType::kF32;
  ProductActivation activation = ProductActivation::kNone;
  bool saves_sums = false;  // A B + bias, in rows of n, beside what the activation makes of it
  ProductAdds adds = ProductAdds::kNo;
  int alignment = 16;  // bytes, of every operand's address, at most 16

  // The whole of it, as files and tables name it: "1024x3072x768 nt bf16>bf16 gelu_tanh sums".
  std::string to_string() const;
};

struct ProductArgs {
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;
  const void* bias = nullptr;
  void* sums = nullptr;
  const float* flag = nullptr;  // kByFlag: 0 or 1
  const float* one = nullptr;   // 1 in the device's memory
  void* workspace = nullptr;    // as many bytes as product_create was told
};

// Self-attention of bf16 over packed rows [batch, tokens, (heads + 2 kv_heads) width]: queries,
// keys, values. Forwards it makes softmax(scale q k^T) v, [batch, tokens, heads width], and the
// log-sum-exp of each query's scores, f32 [batch, heads, tokens]; backwards the gradient of the
// packed rows from both.
struct Attention {
  int64_t batch = 0, tokens = 0, heads = 0, kv_heads = 0, width = 0;
  bool causal = false;
  int64_t window = 0;  // with causal: keys that a query sees, itself among them; 0: all before it
  bool backward = false;

  // "attention 8x1024 12/4x64 causal window 256", "attention backward 8x1024 12x64".
  std::string to_string() const;
};

// Bytes that its gradient gets to work in: two tensors of cuDNN's graph that are its own (the sums
// of dout out for each query, and dq in f32), where heads share keys the gradients of k and v for
// each of them in bf16, and a little.
constexpr int64_t attention_workspace(const Attention& a) {
  constexpr int64_t kLittle = 4096;
  const int64_t queries = a.batch * a.heads * a.tokens, shared = a.heads == a.kv_heads ? 0 : 4;
  return queries * (4 + (4 + shared) * a.width) + kLittle;
}

// Addresses are aligned to 16 bytes.
struct AttentionArgs {
  const void* qkv = nullptr;
  void* out = nullptr;  // backwards it is read, as is the log-sum-exp
  float* log_sum_exp = nullptr;
  const void* dout = nullptr;  // backwards
  void* dqkv = nullptr;
  float scale = 1.0f;
  void* workspace = nullptr;  // as many bytes as attention_create was told
};

// An algorithm of the library's list.
struct AttentionOffer {
  int count = 0;                // of the list
  int64_t workspace_bytes = 0;  // that the one asked for needs
};

// One thread at a time, on the device that it selected.
struct VendorApi {
  // What was looked for.
  const VendorLibrary& (*products)();
  const VendorLibrary& (*attention)();

  // Prepares the algorithm that stands at `rank` of the library's own list for the product, best
  // first by its own judgement; the list depends on nothing but library, device and product.
  // kUnsupported past its end.
  Status (*product_create)(void** out, const Product& product, int rank, int64_t workspace_bytes);
  Status (*product_run)(void* product, const ProductArgs& args, void* stream);
  Status (*product_destroy)(void* product);

  // The same for attention. Of its list count those that fit the workspace. Its gradients may
  // differ in their last bits from run to run: queries are summed as they come.
  Status (*attention_create)(void** out, const Attention& attention, int rank,
                             int64_t workspace_bytes);
  Status (*attention_run)(void* attention, const AttentionArgs& args, void* stream);
  Status (*attention_destroy)(void* attention);
  // For tests without a GPU: what the library has for a device that is only described, in its own
  // words (cuDNN: a JSON text). Null where it cannot be asked.
  Status (*attention_offer)(const char* device, const Attention& attention, int rank,
                            AttentionOffer* out);
};

}  // namespace weft::device
