// The stand-in's attention, as VendorApi has it. Compiled into libweft_emulated.so alone.
#pragma once

#include "core/cuda/vendor.h"

namespace weft::device::emulated {

const VendorLibrary& attention_library();
Status attention_create(void** out, const Attention& attention, int rank, int64_t workspace_bytes);
Status attention_run(void* attention, const AttentionArgs& args, void* stream);
Status attention_destroy(void* attention);

}  // namespace weft::device::emulated
