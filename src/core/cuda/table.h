// What each device library defines of its own, for the entry function that both share
// (src/ops/device_entry). Not for the program.
#pragma once

#include "core/cuda/vendor.h"

namespace weft::device {

const Api& api_of_this_library();
const VendorApi& vendor_of_this_library();
const char* kind_of_this_library();
const char* architectures_of_this_library();

}  // namespace weft::device
