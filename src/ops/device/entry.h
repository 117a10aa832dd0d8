// What the two device libraries do differently around a launch.
#pragma once

#include "kernels/cuda/launch.h"

namespace weft::ops::device_library {

// Called once, before anything else.
void prepare();

// Calls launch(stream, args) with the stream whose handle the device's table gave.
using Launch = void (*)(cuda::Stream stream, const void* args);
void call(Launch launch, const void* args, void* stream);

}  // namespace weft::ops::device_library
