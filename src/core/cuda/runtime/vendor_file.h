// Finds a vendor's library when it is first needed. Compiled into libweft_cuda.so alone.
#pragma once

#include <string>

namespace weft::device {

struct VendorFile {
  void* handle = nullptr;  // for dlsym; null: see why_not
  std::string file, why_not;
};

// `name` ("libcublasLt.so.13"), which is a part of `library` ("cuBLAS"), from the folders of
// $WEFT_VENDOR_LIBRARIES if it is set (with colons between them) and from nowhere else; otherwise
// from this library's own folder, from where the system looks ($LD_LIBRARY_PATH, ldconfig), from
// $CUDA_HOME/lib64 and /usr/local/cuda/lib64.
VendorFile open_vendor_file(const std::string& name, const std::string& library);

}  // namespace weft::device
