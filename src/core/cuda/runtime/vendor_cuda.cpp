// The table of both libraries.
#include "core/cuda/runtime/vendor_cuda.h"

#include "core/cuda/runtime/cublaslt_cuda.h"
#include "core/cuda/runtime/cudnn_attention_cuda.h"
#include "core/cuda/table.h"

namespace weft::device {

const char* vendor_error_name(Status status) {
  if (status >= kAttentionStatus) return cudnn::error_name(status);
  return cublaslt::error_name(status);
}
const char* vendor_error_text(Status status) {
  if (status >= kAttentionStatus) return cudnn::error_text();
  return cublaslt::error_text(status);
}

const VendorApi& vendor_of_this_library() {
  static constexpr VendorApi kApi{.products = cublaslt::library,
                                  .attention = cudnn::library,
                                  .product_create = cublaslt::product_create,
                                  .product_run = cublaslt::product_run,
                                  .product_destroy = cublaslt::product_destroy,
                                  .attention_create = cudnn::attention_create,
                                  .attention_run = cudnn::attention_run,
                                  .attention_destroy = cudnn::attention_destroy,
                                  .attention_offer = cudnn::attention_offer};
  return kApi;
}

}  // namespace weft::device
