#include "core/cuda/find.h"

#include <fstream>

#include "weft/error.h"

namespace weft::device {
namespace {

std::string why_not_device(const Properties& p) {
  if (p.major > kLeastMajor || (p.major == kLeastMajor && p.minor >= kLeastMinor)) return "";
  return "its compute capability is " + std::to_string(p.major) + "." + std::to_string(p.minor) +
         "; the kernels need " + std::to_string(kLeastMajor) + "." + std::to_string(kLeastMinor) +
         " (Ampere) or newer";
}

std::string explain(const Api& api, Status status, const Versions& versions) {
  if (status == kNoDriver)
    return "no NVIDIA driver is loaded (libcuda.so.1 is missing or the kernel module does not "
           "answer); install the driver, or in a container start it with --gpus all";
  if (status == kOldDriver)
    return "the NVIDIA driver is too old: it knows CUDA " + version_text(versions.driver) +
           ", this build needs " + version_text(versions.runtime) +
           " (same major version or newer); update the driver";
  if (status == kNoDevice)
    return "the driver shows no GPU; is CUDA_VISIBLE_DEVICES empty, or is the device not passed "
           "into this container?";
  return std::string("the driver reports ") + api.error_name(status) + ": " +
         api.error_text(status);
}

// The file from which the driver's library was loaded into this process.
std::string driver_file() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (const size_t at = line.find('/'); line.find("/libcuda.so") != std::string::npos)
      return line.substr(at);
  return "";
}

std::string first_reason(const std::vector<FoundDevice>& devices) {
  for (const FoundDevice& d : devices)
    if (d.why_not.empty()) return "";
  const FoundDevice& d = devices.front();
  return "device " + std::to_string(d.index) + ", " + d.properties.name + ": " + d.why_not;
}

}  // namespace

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

Found examine(const Api& api) {
  Found found;
  int count = 0;
  Status status = api.versions(&found.versions);
  if (status == kSuccess) status = api.count(&count);
  if (status == kSuccess && count == 0) status = kNoDevice;
  if (status != kSuccess) {
    found.why_not = explain(api, status, found.versions);
    return found;
  }
  for (int i = 0; i < count; ++i) {
    FoundDevice device{.index = i};
    status = api.properties(i, &device.properties);
    device.why_not = status == kSuccess ? why_not_device(device.properties)
                                        : explain(api, status, found.versions);
    found.devices.push_back(device);
  }
  found.why_not = first_reason(found.devices);
  return found;
}

Found find(std::string_view kind) {
  const LoadedLibrary loaded = load_library(kind);
  Found found;
  if (loaded.library == nullptr) found.why_not = loaded.why_not;
  else found = examine(loaded.library->api());
  found.kind = kind;
  if (loaded.library == nullptr) return found;
  found.library = loaded.library->path;
  found.architectures = loaded.library->table->architectures;
  if (kind == "cuda") found.driver_file = driver_file();
  const VendorApi& vendor = loaded.library->vendor();
  found.vendors = {vendor.products(), vendor.attention()};
  return found;
}

Choice choose(Kind asked, const Found& cuda) {
  if (asked == Kind::kCpu || asked == Kind::kEmulated) return {asked, "asked for"};
  if (asked == Kind::kCuda && cuda.usable()) return {Kind::kCuda, "asked for"};
  if (asked == Kind::kCuda)
    throw Error("device cuda cannot be used: " + cuda.why_not + "; `weft devices` says more");
  for (const FoundDevice& d : cuda.devices)
    if (d.why_not.empty())
      return {Kind::kCuda, "a GPU is there: " + std::string(d.properties.name)};
  return {Kind::kCpu, "no GPU can be used: " + cuda.why_not};
}

}  // namespace weft::device
