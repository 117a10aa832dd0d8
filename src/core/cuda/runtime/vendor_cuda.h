// What the device table asks of the vendor's libraries: words for their errors. Compiled into
// libweft_cuda.so alone.
#pragma once

#include "core/cuda/vendor.h"

namespace weft::device {

// Of a status at or above kVendorStatus, which only a library that was loaded gives.
const char* vendor_error_name(Status status);
const char* vendor_error_text(Status status);

}  // namespace weft::device
