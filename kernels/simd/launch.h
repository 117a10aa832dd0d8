// Exporting a kernel template from Highway's per-target namespaces: one instance per element type,
// chosen at run time. A kernel is `template <class T> void name(const Args<T>&, const
// ParallelFor&)`.
#pragma once

#include "weft/dtype.h"
#include "weft/parallel_for.h"

// Inside HWY_NAMESPACE, after the template: its instances under names that can be exported. The
// explicit argument keeps the call from finding the launcher of the same name.
#define WEFT_SIMD_INSTANCES(name, Args)                                                       \
  void name##_f32(const Args<float>& args, const ::weft::ParallelFor& parallel) {             \
    name<float>(args, parallel);                                                              \
  }                                                                                           \
  void name##_bf16(const Args<::weft::BFloat16>& args, const ::weft::ParallelFor& parallel) { \
    name<::weft::BFloat16>(args, parallel);                                                   \
  }                                                                                           \
  static_assert(true, "")

// Outside, compiled once: the functions that the header declares.
#define WEFT_SIMD_LAUNCHERS(name, Args)                                                \
  HWY_EXPORT(name##_f32);                                                              \
  HWY_EXPORT(name##_bf16);                                                             \
  void name(const Args<float>& args, const ::weft::ParallelFor& parallel) {            \
    HWY_DYNAMIC_DISPATCH(name##_f32)(args, parallel);                                  \
  }                                                                                    \
  void name(const Args<::weft::BFloat16>& args, const ::weft::ParallelFor& parallel) { \
    HWY_DYNAMIC_DISPATCH(name##_bf16)(args, parallel);                                 \
  }                                                                                    \
  static_assert(true, "")
