// A vendor's libraries behind a device library: matrix products of cuBLASLt (libcublasLt.so). They
// are looked for when they are first asked for, so that an installation runs where they are
// missing; our own kernels serve there. One table of functions without a type of the vendor's, as
// api.h. Not here: which kernel is chosen (ops/device_products.h).
#pragma once

#include <cstdint>
#include <string>

#include "core/cuda/api.h"
#include "weft/dtype.h"

namespace weft::device {

// Beside the numbers of api.h.
inline constexpr Status kUnsupported = -9;        // the vendor's library has no algorithm for it
inline constexpr Status kVendorStatus = 1 << 20;  // and above: the library's own number, added

// A library and what was found of it. Texts live as long as the process.
struct VendorLibrary {
  const char* name = "";     // "cuBLASLt"
  const char* version = "";  // "13.1.0"
  const char* file = "";
  const char* why_not = "";  // empty: it can be used
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

// One thread at a time, on the device that it selected.
struct VendorApi {
  // What was looked for.
  const VendorLibrary& (*products)();

  // Prepares the algorithm that stands at `rank` of the library's own list for the product, best
  // first by its own judgement; the list depends on nothing but library, device and product.
  // kUnsupported past its end.
  Status (*product_create)(void** out, const Product& product, int rank, int64_t workspace_bytes);
  Status (*product_run)(void* product, const ProductArgs& args, void* stream);
  Status (*product_destroy)(void* product);
};

}  // namespace weft::device
