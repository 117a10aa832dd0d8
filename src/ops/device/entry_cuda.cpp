// A GPU's library: handles are the runtime's own.
#include "ops/device/entry.h"

namespace weft::ops::device_library {

void prepare() {}

void call(Launch launch, const void* args, void* stream) {
  launch({stream}, args);
}

}  // namespace weft::ops::device_library
