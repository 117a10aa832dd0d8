// A stand-in for a vendor's libraries on the emulated device, for tests of what chooses between
// them and our kernels: products as plain loops (attention: vendor_attention.cpp). It is there
// where the environment's WEFT_EMULATED_VENDOR gives it a version; elsewhere the device has no such
// library. Compiled into libweft_emulated.so alone.
#include <cmath>
#include <cstdlib>
#include <string>

#include "core/cuda/emulated/faults.h"
#include "core/cuda/emulated/memory.h"
#include "core/cuda/emulated/vendor_attention.h"
#include "core/cuda/table.h"

namespace weft::device {
namespace {

// Its algorithms differ in the order of their sums, so that bits tell which one ran: from the end,
// and by halves.
constexpr int kAlgorithms = 2;

struct PreparedProduct {
  Product product;
  int rank = 0;
};

struct Element {
  const void* data;
  DType dtype;
  float operator[](int64_t i) const {
    if (dtype == DType::kF32) return static_cast<const float*>(data)[i];
    return static_cast<float>(static_cast<const BFloat16*>(data)[i]);
  }
};

void store(void* to, DType dtype, int64_t i, float value) {
  if (dtype == DType::kF32) static_cast<float*>(to)[i] = value;
  else static_cast<BFloat16*>(to)[i] = BFloat16(value);
}

float sum_of(const PreparedProduct& prepared, const ProductArgs& args, int64_t row,
             int64_t column) {
  const Product& p = prepared.product;
  const Element a{args.a, p.input}, b{args.b, p.input};
  float sums[2] = {};
  for (int64_t i = p.k; i-- > 0;) {
    const float left = a[p.trans_a ? i * p.lda + row : row * p.lda + i];
    const float right = b[p.trans_b ? column * p.ldb + i : i * p.ldb + column];
    sums[prepared.rank == 1 ? i % 2 : 0] += left * right;
  }
  return sums[0] + sums[1];
}

float activated(ProductActivation activation, float x) {
  if (activation == ProductActivation::kRelu) return x > 0 ? x : 0.0f;
  if (activation == ProductActivation::kNone) return x;
  const float inner = 0.7978845608f * (x + 0.044715f * x * x * x);
  return 0.5f * x * (1.0f + std::tanh(inner));
}

void multiply(const PreparedProduct& prepared, const ProductArgs& args) {
  const Product& p = prepared.product;
  const bool adds =
      p.adds == ProductAdds::kYes || (p.adds == ProductAdds::kByFlag && *args.flag != 0);
  for (int64_t row = 0; row < p.m; ++row) {
    for (int64_t column = 0; column < p.n; ++column) {
      float sum = sum_of(prepared, args, row, column);
      if (p.bias) sum += Element{args.bias, p.bias_dtype}[column];
      if (p.saves_sums) store(args.sums, p.output, row * p.n + column, sum);
      const int64_t at = row * p.ldc + column;
      const float before = adds ? Element{args.c, p.output}[at] : 0.0f;
      store(args.c, p.output, at, activated(p.activation, sum) + before);
    }
  }
}

const VendorLibrary& products() {
  static const char* const kVersion = std::getenv("WEFT_EMULATED_VENDOR");
  static const VendorLibrary kMissing{.name = "cuBLASLt",
                                      .task = "multiply",
                                      .why_not = "the emulated device has no libcublasLt.so"};
  static const VendorLibrary kFound{
      .name = "cuBLASLt", .task = "multiply", .version = kVersion, .file = "libweft_emulated.so"};
  return kVersion == nullptr || *kVersion == '\0' ? kMissing : kFound;
}

// As of cuBLASLt: a bias has the type of the result.
Status product_create(void** out, const Product& product, int rank, int64_t) {
  const bool known = !product.bias || product.bias_dtype == product.output;
  if (!known || rank < 0 || rank >= kAlgorithms) return kUnsupported;
  *out = new PreparedProduct{product, rank};
  return kSuccess;
}

Status product_run(void* product, const ProductArgs& args, void* stream) {
  if (const Status status = emulated::faults().on_product(); status != kSuccess) return status;
  const PreparedProduct prepared = *static_cast<const PreparedProduct*>(product);
  emulated::put_on_stream(stream, [prepared, args] { multiply(prepared, args); });
  return kSuccess;
}

Status product_destroy(void* product) {
  delete static_cast<PreparedProduct*>(product);
  return kSuccess;
}

}  // namespace

const VendorApi& vendor_of_this_library() {
  static constexpr VendorApi kApi{.products = products,
                                  .attention = emulated::attention_library,
                                  .product_create = product_create,
                                  .product_run = product_run,
                                  .product_destroy = product_destroy,
                                  .attention_create = emulated::attention_create,
                                  .attention_run = emulated::attention_run,
                                  .attention_destroy = emulated::attention_destroy,
                                  .attention_offer = nullptr};
  return kApi;
}

}  // namespace weft::device
