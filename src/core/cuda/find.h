// Which devices a machine has, and for each that it has not: exactly why not. Starts nothing on a
// device and allocates nothing there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cuda/library.h"

namespace weft::device {

// The least compute capability that our kernels are built for: Ampere's.
inline constexpr int kLeastMajor = 8, kLeastMinor = 0;

struct FoundDevice {
  int index = 0;
  Properties properties = {};
  std::string why_not;  // empty: it can be used
};

// One kind of device: "cuda" or "emulated".
struct Found {
  std::string kind;
  std::string library;        // its file; empty: there is none
  std::string architectures;  // that its kernels are built for
  Versions versions = {};
  std::string driver_file;  // the driver's library, where one is loaded
  // Libraries of the vendor, found or not; empty without a library of ours.
  std::vector<VendorLibrary> vendors;
  std::vector<FoundDevice> devices;
  std::string why_not;  // empty: at least one device can be used

  bool usable() const { return why_not.empty(); }
};

// Loads the library of `kind` and asks it.
Found find(std::string_view kind);
// What `api` says of its driver and devices.
Found examine(const Api& api);
// "13.0" for 13000.
std::string version_text(int version);

// How a config names a device; kAuto is the GPU where there is a usable one, else the CPU.
enum class Kind : uint8_t { kAuto, kCpu, kCuda, kEmulated };

struct Choice {
  Kind kind = Kind::kCpu;
  std::string reason;  // why this one, in words for a user
};

// What `asked` means here. Throws Error with the reason if a device that was asked for by name
// cannot be used.
Choice choose(Kind asked, const Found& cuda);

}  // namespace weft::device
