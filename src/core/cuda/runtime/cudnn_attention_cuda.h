// Attention of cuDNN, as VendorApi has it, without a type of cuDNN's: a build without its headers
// has without_cudnn/cudnn_attention_cuda.cpp in place of it. Compiled into libweft_cuda.so alone.
#pragma once

#include "core/cuda/vendor.h"

namespace weft::device::cudnn {

// What was looked for.
const VendorLibrary& library();
Status attention_create(void** out, const Attention& attention, int rank, int64_t workspace_bytes);
Status attention_run(void* attention, const AttentionArgs& args, void* stream);
Status attention_destroy(void* attention);
Status attention_offer(const char* device, const Attention& attention, int rank,
                       AttentionOffer* out);

// Of a status at or above kAttentionStatus; the text is of the last call that failed.
const char* error_name(Status status);
const char* error_text();

}  // namespace weft::device::cudnn
