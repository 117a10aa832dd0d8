// What a build says that had no headers of cuDNN's. Compiled into libweft_cuda.so of such a build
// alone.
#include "core/cuda/runtime/cudnn_attention_cuda.h"

namespace weft::device::cudnn {

const VendorLibrary& library() {
  static const VendorLibrary kMissing{
      .name = "cuDNN",
      .task = "compute attention",
      .why_not = "this build was made without its headers; install cuDNN 9's and build again"};
  return kMissing;
}

Status attention_create(void**, const Attention&, int, int64_t) {
  return kUnsupported;
}
Status attention_run(void*, const AttentionArgs&, void*) {
  return kUnsupported;
}
Status attention_destroy(void*) {
  return kUnsupported;
}
Status attention_offer(const char*, const Attention&, int, AttentionOffer*) {
  return kUnsupported;
}

const char* error_name(Status) {
  return "unsupported";
}
const char* error_text() {
  return library().why_not;
}

}  // namespace weft::device::cudnn
