#include "ops/device_kernels.h"

#include <vector>

#include "kernels/cuda/launchers.h"

namespace weft::ops {

void use_device_kernels(const device::Library& library) {
  std::vector<kernels::LauncherEntry> entries;
  for (const device::Launcher& launcher : library.launchers())
    entries.push_back({launcher.name, launcher.args_bytes, launcher.launch});
  kernels::use_launchers(entries);
}

}  // namespace weft::ops
