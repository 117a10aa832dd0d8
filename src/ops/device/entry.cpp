// The one function that a device library shows: its table. Compiled into the device libraries and
// into nothing else; src/ops is the only room that may see kernels.
#include "ops/device/entry.h"

#include "core/cuda/table.h"
#include "kernels/cuda/launchers.h"

namespace weft::kernels {
namespace {

#define WEFT_LAUNCHER(function, ...)                                                     \
  {#function "(" #__VA_ARGS__ ")", sizeof(__VA_ARGS__), [](const void* args, void* on) { \
     ops::device_library::call(                                                          \
         [](cuda::Stream stream, const void* given) {                                    \
           function(stream, *static_cast<const __VA_ARGS__*>(given));                    \
         },                                                                              \
         args, on);                                                                      \
   }},
constexpr device::Launcher kLaunchers[] = {
#include "kernels/cuda/launchers.def"
};
#undef WEFT_LAUNCHER

}  // namespace
}  // namespace weft::kernels

extern "C" __attribute__((visibility("default"))) const weft::device::LibraryTable*
weft_device_library() {
  using namespace weft::device;
  static const LibraryTable kTable{.api_version = kApiVersion,
                                   .weft_version = WEFT_VERSION,
                                   .kind = kind_of_this_library(),
                                   .architectures = architectures_of_this_library(),
                                   .api = &api_of_this_library(),
                                   .vendor = &vendor_of_this_library(),
                                   .launchers = weft::kernels::kLaunchers,
                                   .launcher_count = std::size(weft::kernels::kLaunchers)};
  static const bool kPrepared = (weft::ops::device_library::prepare(), true);
  static_cast<void>(kPrepared);
  return &kTable;
}
