// Attention on a device: by our kernels, or in the words of a vendor's library. It is not asked for
// float, dropout, documents (ranges of keys), and heads that do not lie in packed rows.
#pragma once

#include "kernels/attention/attention_cuda.h"

namespace weft::ops {

// Bytes of the gradient's own workspace on a device, as plans count them: ours, and with kernels:
// vendor what the library is given. Elsewhere the library is not asked for gradients, which differ
// from run to run.
int64_t attention_backward_workspace_on_device(const kernels::AttentionShape& shape, DType dtype);

// By whoever was chosen, else by our kernels. Nothing is prepared and nothing waited for. The
// gradient's workspace has the bytes above, which kernel_choice() gave when it was planned.
template <class T>
void launch_attention(void* stream, const kernels::AttentionForwardOnDevice<T>& call);
template <class T>
void launch_attention(void* stream, const kernels::AttentionBackwardOnDevice<T>& call);

}  // namespace weft::ops
