// A call of an operator that either our kernel or a vendor's library serves. Not here: who does
// (kernel_chooser.h).
#pragma once

#include <memory>
#include <string>

#include "core/cuda/device.h"

namespace weft::ops {

// An algorithm of the library's, ready to run; null: it has none.
using PreparedCall = std::unique_ptr<void, device::Status (*)(void*)>;

class VendorCall {
 public:
  virtual ~VendorCall() = default;

  // With its operands, by which it is measured.
  virtual std::unique_ptr<VendorCall> copy() const = 0;
  // All that a choice depends on, as files and tables name it.
  virtual std::string name() const = 0;
  virtual const char* description() const = 0;  // "a matrix product"
  virtual const device::VendorLibrary& library(const device::VendorApi& vendor) const = 0;
  // Whether the library gives the same bits in every run.
  virtual bool repeats() const { return true; }

  virtual void launch_own(void* stream) const = 0;
  // The algorithm at `rank` of the library's list. `workspace_bytes` is what run() is given, beside
  // what the operator has of its own.
  virtual device::Status prepare(const device::VendorApi& vendor, int rank, int64_t workspace_bytes,
                                 void** out) const = 0;
  virtual device::Status run(const device::VendorApi& vendor, void* prepared, void* workspace,
                             void* stream) const = 0;
  virtual device::Status (*destroyer(const device::VendorApi& vendor) const)(void*) = 0;
  // Puts zeros where launches over zeros write anything else.
  virtual void clear(device::Stream&) const {}
};

}  // namespace weft::ops
