// Matrix products of cuBLASLt, as VendorApi has them. Compiled into libweft_cuda.so alone.
#pragma once

#include "core/cuda/vendor.h"

namespace weft::device::cublaslt {

const VendorLibrary& library();
Status product_create(void** out, const Product& product, int rank, int64_t workspace_bytes);
Status product_run(void* product, const ProductArgs& args, void* stream);
Status product_destroy(void* product);

// Of a status at or above kVendorStatus.
const char* error_name(Status status);
const char* error_text(Status status);

}  // namespace weft::device::cublaslt
