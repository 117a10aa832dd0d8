// A device with a vendor's libraries: the emulated one with its stand-ins, or a GPU with cuBLASLt
// and cuDNN.
#pragma once

#include <stdlib.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/cuda/find.h"
#include "runtime/compute_device.h"
#include "tests/device/emulated_device.h"

namespace weft::test {

// Before the library is loaded.
inline const bool kVendorsAreThere = setenv("WEFT_EMULATED_VENDOR", "13.1.0", 1) == 0 &&
                                     setenv("WEFT_EMULATED_CUDNN", "9.26.0", 1) == 0;

// Seconds that a launch takes, by the place of the algorithm in the library's list; -1: ours.
struct ScriptedClock {
  std::map<int, double> seconds;
  std::map<void*, int> ranks = {};
  int last = -1;       // what ran since an event was read
  int readings = 0;    // of times
  int multiplied = 0;  // by the vendor's library
};
inline ScriptedClock scripted_clock;

// The emulated device's library, where what is measured is what `scripted_clock` says.
inline std::shared_ptr<const device::Library> library_with_scripted_clock() {
  static const std::shared_ptr<const device::Library> kReal = emulated_library();
  static device::Api api = kReal->api();
  static device::VendorApi vendor = kReal->vendor();
  static device::LibraryTable table = *kReal->table;
  api.event_milliseconds = [](float* out, void*, void*) {
    *out = static_cast<float>(1e3 * scripted_clock.seconds[scripted_clock.last]);
    scripted_clock.last = -1;
    scripted_clock.readings += 1;
    return device::kSuccess;
  };
  vendor.product_create = [](void** out, const device::Product& product, int rank, int64_t bytes) {
    const device::Status status = kReal->vendor().product_create(out, product, rank, bytes);
    if (status == device::kSuccess) scripted_clock.ranks[*out] = rank;
    return status;
  };
  vendor.product_run = [](void* product, const device::ProductArgs& args, void* stream) {
    scripted_clock.last = scripted_clock.ranks[product];
    scripted_clock.multiplied += 1;
    return kReal->vendor().product_run(product, args, stream);
  };
  vendor.attention_create = [](void** out, const device::Attention& attention, int rank,
                               int64_t bytes) {
    const device::Status status = kReal->vendor().attention_create(out, attention, rank, bytes);
    if (status == device::kSuccess) scripted_clock.ranks[*out] = rank;
    return status;
  };
  vendor.attention_run = [](void* attention, const device::AttentionArgs& args, void* stream) {
    scripted_clock.last = scripted_clock.ranks[attention];
    return kReal->vendor().attention_run(attention, args, stream);
  };
  table.api = &api;
  table.vendor = &vendor;
  return std::make_shared<const device::Library>(device::Library{kReal->path, &table});
}

}  // namespace weft::test
