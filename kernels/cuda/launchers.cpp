// What the program links in place of the launchers: each hands its struct to the device library.
#include "kernels/cuda/launchers.h"

#include <array>
#include <string>

#include "weft/error.h"

namespace weft::kernels {
namespace {

using LaunchFunction = void (*)(const void* args, void* stream);

struct Expected {
  const char* name;
  size_t args_bytes;
  int line;  // of launchers.def: the launcher's place in the table below
};

constexpr auto kExpected = std::to_array<Expected>({
#define WEFT_LAUNCHER(function, ...) \
  {#function "(" #__VA_ARGS__ ")", sizeof(__VA_ARGS__), __LINE__},
#include "kernels/cuda/launchers.def"
#undef WEFT_LAUNCHER
});

std::array<LaunchFunction, kExpected.back().line + 1> by_line{};
int holding_back = 0;  // how many LaunchNothing live

void call(int line, const void* args, cuda::Stream stream) {
  const LaunchFunction launch = by_line[static_cast<size_t>(line)];
  WEFT_ASSERT(launch != nullptr);  // a device library is in use before anything is launched
  if (holding_back > 0) return;
  launch(args, stream.handle);
}

}  // namespace

void use_launchers(std::span<const LauncherEntry> entries) {
  for (size_t i = 0; i < kExpected.size(); ++i) {
    const Expected& expected = kExpected[i];
    if (i >= entries.size() || std::string(entries[i].name) != expected.name ||
        entries[i].args_bytes != expected.args_bytes)
      throw Error("the device library has not the kernel " + std::string(expected.name) +
                  " of this program; install both from one build");
  }
  for (size_t i = 0; i < kExpected.size(); ++i)
    by_line[static_cast<size_t>(kExpected[i].line)] = entries[i].launch;
}

LaunchNothing::LaunchNothing() {
  holding_back += 1;
}
LaunchNothing::~LaunchNothing() {
  holding_back -= 1;
}

#define WEFT_LAUNCHER(function, ...)                            \
  void function(cuda::Stream stream, const __VA_ARGS__& args) { \
    call(__LINE__, &args, stream);                              \
  }
#include "kernels/cuda/launchers.def"
#undef WEFT_LAUNCHER

}  // namespace weft::kernels
