// The one function that a device library shows: its table. Compiled into the device libraries and
// into nothing else; src/ops is the only room that may see kernels.
#include "core/cuda/table.h"

extern "C" __attribute__((visibility("default"))) const weft::device::LibraryTable*
weft_device_library() {
  using namespace weft::device;
  static const LibraryTable kTable{.api_version = kApiVersion,
                                   .weft_version = WEFT_VERSION,
                                   .kind = kind_of_this_library(),
                                   .architectures = architectures_of_this_library(),
                                   .api = &api_of_this_library(),
                                   .launchers = nullptr,
                                   .launcher_count = 0};
  return &kTable;
}
