// What the emulated device shall lack or do wrong, for tests of what users are told: the
// environment's WEFT_EMULATED_FAULT, one of
//
//   no-driver  old-driver  no-device  capability   what `weft devices` finds
//   memory:BYTES                                   the device's size
//   taken                                          another process takes memory before it is given
//   launch:N                                       the N-th launch of a graph fails, and everything
//                                                  after it
//   ecc:N                                          the same of waits for an event
//   product:N  attention:N                         the same of products and attention of the
//                                                  vendor's libraries
#pragma once

#include <cstdint>
#include <string_view>

#include "core/cuda/vendor.h"

namespace weft::device::emulated {

inline constexpr Status kEccError = 214, kLaunchFailure = 719;  // CUDA's numbers
inline constexpr Status kProductFailure = 13;                   // cuBLAS's
inline constexpr Status kAttentionFailure = 5000;               // cuDNN's

class Faults {
 public:
  // By the text; the empty one is no fault. Throws Error for another.
  explicit Faults(std::string_view text);

  bool is(std::string_view name) const { return name_ == name; }
  int64_t number() const { return number_; }
  // Counts a launch of a graph, a wait for an event, a product or attention, and says what comes of
  // it.
  Status on_launch() { return count("launch", kLaunchFailure); }
  Status on_wait() { return count("ecc", kEccError); }
  Status on_product() { return count("product", kVendorStatus + kProductFailure); }
  Status on_attention() { return count("attention", kAttentionStatus + kAttentionFailure); }
  // What an error left behind: the device is lost to the process.
  Status lost() const { return lost_; }

 private:
  Status count(std::string_view name, Status failure);

  std::string_view name_;
  int64_t number_ = 0, counted_ = 0;
  Status lost_ = kSuccess;
};

// Of the environment, read once.
Faults& faults();

}  // namespace weft::device::emulated
