// Matrix products of cuBLASLt, whose library is loaded when it is first asked for: nothing links to
// it. Compiled into libweft_cuda.so alone.
//
// cuBLASLt's matrices are by columns, ours by rows: a product of ours is, read by columns,
// C^T = B^T A^T, so its first operand is our b and the bias of our columns is one of its rows.
// Sums are in float and never in TF32. Read beside it: NVIDIA's manual of cublasLtMatmul; how
// llm.c and TransformerEngine call it.
#include <cublasLt.h>
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <memory>

#include "core/cuda/runtime/cublaslt_cuda.h"
#include "core/cuda/runtime/vendor_file.h"

namespace weft::device::cublaslt {
namespace {

#define WEFT_CUBLASLT(X)             \
  X(cublasLtCreate)                  \
  X(cublasLtGetVersion)              \
  X(cublasLtGetStatusName)           \
  X(cublasLtGetStatusString)         \
  X(cublasLtMatmul)                  \
  X(cublasLtMatmulAlgoGetHeuristic)  \
  X(cublasLtMatmulDescCreate)        \
  X(cublasLtMatmulDescDestroy)       \
  X(cublasLtMatmulDescSetAttribute)  \
  X(cublasLtMatrixLayoutCreate)      \
  X(cublasLtMatrixLayoutDestroy)     \
  X(cublasLtMatmulPreferenceCreate)  \
  X(cublasLtMatmulPreferenceDestroy) \
  X(cublasLtMatmulPreferenceSetAttribute)

struct Functions {
#define WEFT_MEMBER(name) decltype(&::name) name = nullptr;
  WEFT_CUBLASLT(WEFT_MEMBER)
#undef WEFT_MEMBER
};

// The library once it was looked for; it stays loaded.
struct Loaded {
  Functions call;
  std::string version, file, why_not;
  VendorLibrary described;
};

void load_functions(Loaded& loaded, void* handle) {
#define WEFT_LOAD(name)                                                                  \
  loaded.call.name = reinterpret_cast<decltype(loaded.call.name)>(dlsym(handle, #name)); \
  if (loaded.call.name == nullptr) loaded.why_not = "'" + loaded.file + "' lacks " #name;
  WEFT_CUBLASLT(WEFT_LOAD)
#undef WEFT_LOAD
}

// 130100 is 13.1.0, as in CUBLAS_VERSION.
std::string text_of_version(size_t number) {
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
         std::to_string(number % 100);
}

Loaded load() {
  Loaded loaded;
  const VendorFile found =
      open_vendor_file("libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR), "cuBLAS");
  loaded.file = found.file;
  loaded.why_not = found.why_not;
  if (found.handle != nullptr) load_functions(loaded, found.handle);
  if (loaded.why_not.empty()) loaded.version = text_of_version(loaded.call.cublasLtGetVersion());
  return loaded;
}

const Loaded& loaded() {
  static const Loaded the_library = load();
  return the_library;
}

const Functions& lt() {
  return loaded().call;
}

Status status_of(cublasStatus_t status) {
  if (status == CUBLAS_STATUS_SUCCESS) return kSuccess;
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return kUnsupported;
  return kVendorStatus + static_cast<Status>(status);
}

// Remembers the first call that failed; what follows is then left out.
class Calls {
 public:
  template <class Function, class... Args>
  void operator()(Function function, Args... args) {
    if (status_ == CUBLAS_STATUS_SUCCESS) status_ = function(args...);
  }
  cublasStatus_t status() const { return status_; }

 private:
  cublasStatus_t status_ = CUBLAS_STATUS_SUCCESS;
};

// Of the device that is selected when it is first asked for; it lives as long as the process.
cublasLtHandle_t handle(Calls& calls) {
  static cublasLtHandle_t the_handle = nullptr;
  if (the_handle == nullptr) calls(lt().cublasLtCreate, &the_handle);
  return the_handle;
}

struct PreparedProduct {
  Product product;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t first = nullptr, second = nullptr, result = nullptr;
  cublasLtMatmulAlgo_t algorithm{};
  int64_t workspace = 0;

  ~PreparedProduct() {
    if (operation != nullptr) lt().cublasLtMatmulDescDestroy(operation);
    for (cublasLtMatrixLayout_t layout : {first, second, result})
      if (layout != nullptr) lt().cublasLtMatrixLayoutDestroy(layout);
  }
};

cudaDataType_t type_of(DType dtype) {
  return dtype == DType::kBF16 ? CUDA_R_16BF : CUDA_R_32F;
}

template <class T>
void set(Calls& calls, cublasLtMatmulDesc_t to, cublasLtMatmulDescAttributes_t what, T value) {
  calls([&] { return lt().cublasLtMatmulDescSetAttribute(to, what, &value, sizeof value); });
}

cublasLtEpilogue_t epilogue_of(const Product& p) {
  if (p.activation == ProductActivation::kRelu)
    return p.bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
  if (p.activation == ProductActivation::kNone)
    return p.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
  if (p.saves_sums) return p.bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
  return p.bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
}

// Stored matrices read by columns: as many rows as ours have columns.
void make_layouts(Calls& calls, PreparedProduct& to) {
  const Product& p = to.product;
  const auto layout = [&](cublasLtMatrixLayout_t* out, DType dtype, int64_t rows, int64_t columns,
                          int64_t stride) {
    calls(lt().cublasLtMatrixLayoutCreate, out, type_of(dtype), static_cast<uint64_t>(columns),
          static_cast<uint64_t>(rows), stride);
  };
  layout(&to.first, p.input, p.trans_b ? p.n : p.k, p.trans_b ? p.k : p.n, p.ldb);
  layout(&to.second, p.input, p.trans_a ? p.k : p.m, p.trans_a ? p.m : p.k, p.lda);
  layout(&to.result, p.output, p.m, p.n, p.ldc);
}

void make_operation(Calls& calls, PreparedProduct& to) {
  const Product& p = to.product;
  const auto transposed = [](bool yes) { return yes ? CUBLAS_OP_T : CUBLAS_OP_N; };
  calls(lt().cublasLtMatmulDescCreate, &to.operation, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  set(calls, to.operation, CUBLASLT_MATMUL_DESC_TRANSA, transposed(p.trans_b));
  set(calls, to.operation, CUBLASLT_MATMUL_DESC_TRANSB, transposed(p.trans_a));
  set(calls, to.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue_of(p));
  if (p.saves_sums) set(calls, to.operation, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, p.n);
  if (p.adds == ProductAdds::kByFlag)
    set(calls, to.operation, CUBLASLT_MATMUL_DESC_POINTER_MODE, CUBLASLT_POINTER_MODE_DEVICE);
}

// Of these the library knows their alignment alone before the product runs.
void set_operands(Calls& calls, const PreparedProduct& prepared, const void* bias,
                  const void* sums) {
  if (prepared.product.bias)
    set(calls, prepared.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  if (prepared.product.saves_sums)
    set(calls, prepared.operation, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, sums);
}

using Preference =
    std::unique_ptr<cublasLtMatmulPreferenceOpaque_t, decltype(&::cublasLtMatmulPreferenceDestroy)>;

Preference preference_of(Calls& calls, const Product& product, int64_t workspace_bytes) {
  cublasLtMatmulPreference_t made = nullptr;
  calls(lt().cublasLtMatmulPreferenceCreate, &made);
  Preference preference(made, lt().cublasLtMatmulPreferenceDestroy);
  const auto put = [&](cublasLtMatmulPreferenceAttributes_t what, auto value) {
    calls([&] {
      return lt().cublasLtMatmulPreferenceSetAttribute(made, what, &value, sizeof value);
    });
  };
  put(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(workspace_bytes));
  for (const auto what :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    put(what, static_cast<uint32_t>(product.alignment));
  return preference;
}

// The algorithm at `rank` of the library's list; kUnsupported if the list is shorter.
Status choose_algorithm(PreparedProduct& to, int rank, int64_t workspace_bytes) {
  constexpr int kMostAlgorithms = 16;
  if (rank < 0 || rank >= kMostAlgorithms) return kUnsupported;
  Calls calls;
  std::array<cublasLtMatmulHeuristicResult_t, kMostAlgorithms> found{};
  int count = 0;
  const Preference preference = preference_of(calls, to.product, workspace_bytes);
  calls(lt().cublasLtMatmulAlgoGetHeuristic, handle(calls), to.operation, to.first, to.second,
        to.result, to.result, preference.get(), kMostAlgorithms, found.data(), &count);
  if (calls.status() == CUBLAS_STATUS_INVALID_VALUE) return kUnsupported;  // ours has words for it
  if (calls.status() != CUBLAS_STATUS_SUCCESS) return status_of(calls.status());
  if (rank >= count) return kUnsupported;
  const cublasLtMatmulHeuristicResult_t& chosen = found[static_cast<size_t>(rank)];
  if (chosen.state != CUBLAS_STATUS_SUCCESS) return status_of(chosen.state);
  to.algorithm = chosen.algo;
  to.workspace = static_cast<int64_t>(chosen.workspaceSize);
  return kSuccess;
}

// What its manual asks for beyond what its list of algorithms knows.
bool is_offered(const Product& p) {
  constexpr int64_t kRowsOfSums = 8;  // elements that rows of the saved sums are a multiple of
  if (p.bias && p.bias_dtype != p.output) return false;
  if (p.saves_sums && (p.activation != ProductActivation::kGeluTanh || p.n % kRowsOfSums != 0))
    return false;
  return p.adds == ProductAdds::kNo || p.activation == ProductActivation::kNone;
}

}  // namespace

const VendorLibrary& library() {
  static const VendorLibrary kFound{.name = "cuBLASLt",
                                    .task = "multiply",
                                    .version = loaded().version.c_str(),
                                    .file = loaded().file.c_str(),
                                    .why_not = loaded().why_not.c_str()};
  return kFound;
}

Status product_create(void** out, const Product& product, int rank, int64_t workspace_bytes) {
  if (!loaded().why_not.empty() || !is_offered(product)) return kUnsupported;
  auto made = std::make_unique<PreparedProduct>();
  made->product = product;
  Calls calls;
  make_operation(calls, *made);
  make_layouts(calls, *made);
  const auto aligned = reinterpret_cast<const void*>(static_cast<uintptr_t>(product.alignment));
  set_operands(calls, *made, aligned, aligned);
  if (calls.status() != CUBLAS_STATUS_SUCCESS) return status_of(calls.status());
  const Status status = choose_algorithm(*made, rank, workspace_bytes);
  if (status == kSuccess) *out = made.release();
  return status;
}

Status product_run(void* product, const ProductArgs& args, void* stream) {
  const auto& p = *static_cast<const PreparedProduct*>(product);
  static constexpr float kOne = 1.0f, kZero = 0.0f;
  const bool by_flag = p.product.adds == ProductAdds::kByFlag;
  const float* alpha = by_flag ? args.one : &kOne;
  const float* plain_beta = p.product.adds == ProductAdds::kYes ? &kOne : &kZero;
  Calls calls;
  set_operands(calls, p, args.bias, args.sums);
  calls([&] {
    return lt().cublasLtMatmul(handle(calls), p.operation, alpha, args.b, p.first, args.a, p.second,
                               by_flag ? args.flag : plain_beta, args.c, p.result, args.c, p.result,
                               &p.algorithm, args.workspace, static_cast<size_t>(p.workspace),
                               static_cast<cudaStream_t>(stream));
  });
  return status_of(calls.status());
}

Status product_destroy(void* product) {
  delete static_cast<PreparedProduct*>(product);
  return kSuccess;
}

const char* error_name(Status status) {
  return lt().cublasLtGetStatusName(static_cast<cublasStatus_t>(status - kVendorStatus));
}
const char* error_text(Status status) {
  return lt().cublasLtGetStatusString(static_cast<cublasStatus_t>(status - kVendorStatus));
}

}  // namespace weft::device::cublaslt
