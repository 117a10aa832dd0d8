// Attention as graphs of cuDNN's operations. Not here: which engine runs a graph
// (cudnn_attention_cuda.cpp). Compiled into libweft_cuda.so alone.
#pragma once

#include "core/cuda/runtime/cudnn_cuda.h"

namespace weft::device::cudnn {

// Tensors of a graph that are memory, or values that are given when it runs.
enum TensorId : int64_t {
  kQ = 1,
  kK,
  kV,
  kOut,
  kLse,
  kScale,   // a float
  kMasked,  // a float: minus infinity
  kWindow,  // a float
  kOne,     // a float
  kDout,
  kDq,
  kDk,
  kDv,
  kDelta,             // f32 [B, H, T], the sums of dout out
  kDqSums,            // f32 [B, H, T, D]: the engine adds to it
  kFirstInner = 100,  // those that are in no memory
};

// The finalized graph of `attention`, forwards or backwards as it says; `handle` is null for a
// device that is only described. Failures show in `into`.
Descriptor attention_graph(Descriptors& into, const Attention& attention, cudnnHandle_t handle);

}  // namespace weft::device::cudnn
