#include "runtime/compute_device.h"

#include "graph/registry.h"
#include "ops/device_kernels.h"

namespace weft::runtime {
namespace {

constexpr int kStreams = 1;

device::Kind kind_of(std::string_view word) {
  if (word == "auto") return device::Kind::kAuto;
  if (word == "cpu") return device::Kind::kCpu;
  if (word == "cuda" || word == "gpu") return device::Kind::kCuda;
  throw Error("device: '" + std::string(word) + "' is not known; allowed: auto, cpu, cuda");
}

int first_usable(const device::Found& found) {
  for (const device::FoundDevice& d : found.devices)
    if (d.why_not.empty()) return d.index;
  return 0;
}

std::shared_ptr<const device::Library> loaded() {
  device::LoadedLibrary gpu = device::load_library(device::gpu_library_kind());
  if (gpu.library == nullptr) throw Error("device cuda cannot be used: " + gpu.why_not);
  return gpu.library;
}

}  // namespace

DeviceChoice choose_device(std::string_view asked) {
  const device::Kind kind = kind_of(asked);
  if (kind == device::Kind::kCpu) return {.reason = "asked for"};
  const device::Found gpu = device::find(device::gpu_library_kind());
  const device::Choice choice = device::choose(kind, gpu);
  return {.kind = choice.kind, .index = first_usable(gpu), .reason = choice.reason};
}

bool plans_for_gpu(std::string_view asked) {
  return kind_of(asked) == device::Kind::kCuda || choose_device(asked).on_gpu();
}

ComputeDevice::ComputeDevice(const DeviceChoice& choice) : ComputeDevice(loaded(), choice.index) {}

ComputeDevice::ComputeDevice(std::shared_ptr<const device::Library> library, int index)
    : device_((ops::use_device_kernels(*library), library), index), queues_(device_, kStreams) {}

graph::Device ComputeDevice::backend(int threads) {
  return {.kernels = graph::cuda_kernels(), .threads = threads, .queues = &queues_};
}

std::unique_ptr<ComputeDevice> open_device(const DeviceChoice& choice) {
  return choice.on_gpu() ? std::make_unique<ComputeDevice>(choice) : nullptr;
}

}  // namespace weft::runtime
