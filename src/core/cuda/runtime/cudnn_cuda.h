// cuDNN's library, loaded when it is first asked for, and the descriptors that its backend API
// makes everything of. Not here: graphs (cudnn_graph_cuda.h). Compiled into libweft_cuda.so alone.
#pragma once

#include <cudnn_graph.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/cuda/runtime/cudnn_attention_cuda.h"

namespace weft::device::cudnn {

#define WEFT_CUDNN(X)              \
  X(cudnnGetVersion)               \
  X(cudnnGetErrorString)           \
  X(cudnnGetLastErrorString)       \
  X(cudnnCreate)                   \
  X(cudnnSetStream)                \
  X(cudnnBackendCreateDescriptor)  \
  X(cudnnBackendDestroyDescriptor) \
  X(cudnnBackendSetAttribute)      \
  X(cudnnBackendGetAttribute)      \
  X(cudnnBackendFinalize)          \
  X(cudnnBackendExecute)

struct Functions {
#define WEFT_MEMBER(name) decltype(&::name) name = nullptr;
  WEFT_CUDNN(WEFT_MEMBER)
#undef WEFT_MEMBER
};

// Only if library() has no `why_not`.
const Functions& functions();
// 92600 is 9.26.0.
size_t version();

Status status_of(cudnnStatus_t status);

using Descriptor = cudnnBackendDescriptor_t;

// How the API calls the type of an attribute's value.
template <class T>
inline constexpr auto kTypeOf = nullptr;
template <>
inline constexpr auto kTypeOf<bool> = CUDNN_TYPE_BOOLEAN;
template <>
inline constexpr auto kTypeOf<int64_t> = CUDNN_TYPE_INT64;
template <>
inline constexpr auto kTypeOf<char> = CUDNN_TYPE_CHAR;
template <>
inline constexpr auto kTypeOf<Descriptor> = CUDNN_TYPE_BACKEND_DESCRIPTOR;
template <>
inline constexpr auto kTypeOf<cudnnHandle_t> = CUDNN_TYPE_HANDLE;
template <>
inline constexpr auto kTypeOf<cudnnDataType_t> = CUDNN_TYPE_DATA_TYPE;
template <>
inline constexpr auto kTypeOf<cudnnPointwiseMode_t> = CUDNN_TYPE_POINTWISE_MODE;
template <>
inline constexpr auto kTypeOf<cudnnReduceTensorOp_t> = CUDNN_TYPE_REDUCTION_OPERATOR_TYPE;
template <>
inline constexpr auto kTypeOf<cudnnBackendHeurMode_t> = CUDNN_TYPE_HEUR_MODE;

// Descriptors that belong together, and are destroyed together. Once a call has failed all that
// follow are left out, so that what is built needs one check at its end.
class Descriptors {
 public:
  Descriptors() = default;
  ~Descriptors();
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  Descriptor make(cudnnBackendDescriptorType_t type);
  template <class T>
  void set(Descriptor of, cudnnBackendAttributeName_t name, const T& value) {
    set_values(of, name, std::span<const T>(&value, 1));
  }
  template <class T>
  void set_values(Descriptor of, cudnnBackendAttributeName_t name, std::span<const T> values) {
    set_values(of, name, kTypeOf<T>, static_cast<int64_t>(values.size()), values.data());
  }
  void set_addresses(Descriptor of, cudnnBackendAttributeName_t name, std::vector<void*> addresses);
  void finalize(Descriptor which);
  // At most as many values as there is room for; how many there are.
  template <class T>
  int64_t get(Descriptor of, cudnnBackendAttributeName_t name, std::span<T> into) {
    int64_t count = 0;
    if (is_good())
      status_ = functions().cudnnBackendGetAttribute(of, name, kTypeOf<T>,
                                                     static_cast<int64_t>(into.size()), &count,
                                                     into.empty() ? nullptr : into.data());
    return is_good() ? count : 0;
  }

  cudnnStatus_t status() const { return status_; }
  bool is_good() const { return status_ == CUDNN_STATUS_SUCCESS; }

 private:
  void set_values(Descriptor of, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                  int64_t count, const void* values);

  std::vector<Descriptor> made_;
  cudnnStatus_t status_ = CUDNN_STATUS_SUCCESS;
};

}  // namespace weft::device::cudnn
