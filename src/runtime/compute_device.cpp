#include "runtime/compute_device.h"

#include "graph/registry.h"
#include "ops/device_kernels.h"
#include "runtime/choice_cache.h"

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

DeviceChoice choose_device(std::string_view asked, KernelChoice kernels) {
  const device::Kind kind = kind_of(asked);
  if (kind == device::Kind::kCpu) return {.reason = "asked for"};
  if (kind == device::Kind::kAuto && kernels == KernelChoice::kReference)
    return {.reason = "it has the reference kernels"};
  const device::Found gpu = device::find(device::gpu_library_kind());
  const device::Choice choice = device::choose(kind, gpu);
  return {.kind = choice.kind, .index = first_usable(gpu), .reason = choice.reason};
}

bool plans_for_gpu(std::string_view asked, KernelChoice kernels) {
  return kind_of(asked) == device::Kind::kCuda || choose_device(asked, kernels).on_gpu();
}

void check_kernels(KernelChoice kernels, bool on_gpu, std::string_view why) {
  const bool of_gpu = kernels == KernelChoice::kOwn || kernels == KernelChoice::kVendor;
  const bool of_cpu = kernels == KernelChoice::kReference;
  if (on_gpu ? !of_cpu : !of_gpu) return;
  const std::string word(name_of(kernels)), because(why);
  if (on_gpu)
    throw Error("kernels: '" + word + "' is for the CPU, and the GPU is to compute (" + because +
                "); there it is auto, own or vendor. Choose one of them, or device: cpu");
  throw Error("kernels: '" + word + "' is for a GPU, and the CPU is to compute (" + because +
              "); there it is auto or reference");
}

ComputeDevice::ComputeDevice(const DeviceChoice& choice) : ComputeDevice(loaded(), choice.index) {}

ComputeDevice::ComputeDevice(std::shared_ptr<const device::Library> library, int index)
    : device_((ops::use_device_kernels(*library), library), index), queues_(device_, kStreams) {}

ComputeDevice::~ComputeDevice() = default;

int64_t ComputeDevice::own_bytes(KernelChoice kernels) {
  const bool asks_vendor = kernels == KernelChoice::kAuto || kernels == KernelChoice::kVendor;
  return graph::DeviceQueues::kOwnBytes + (asks_vendor ? ops::KernelChooser::kWorkspaceBytes : 0);
}

void ComputeDevice::tell(std::string notice) {
  if (!notice.empty()) notices_.push_back(std::move(notice));
}

void ComputeDevice::use_kernels(KernelChoice kernels, ops::CallChoices remembered,
                                bool deterministic) {
  if (chooser_ != nullptr || own_bytes(kernels) == graph::DeviceQueues::kOwnBytes) return;
  const device::VendorApi& vendor = device_.library().vendor();
  const std::string libraries = ops::usable_libraries(vendor);
  const std::optional<Path> folder = cache_folder();
  if (kernels == KernelChoice::kAuto && !libraries.empty() && folder) {
    cache_ = std::make_unique<ChoiceCache>(*folder, device_.properties().name, libraries);
    std::string notice;
    remembered.merge(cache_->read(real_file_system(), notice));
    tell(std::move(notice));
  }
  chooser_ = std::make_unique<ops::KernelChooser>(device_, queues_.stream(0), kernels,
                                                  std::move(remembered), deterministic);
  for (std::string& line : ops::missing_libraries(vendor)) tell(std::move(line));
}

void ComputeDevice::remember_choices() {
  if (cache_ == nullptr || !chooser_->has_measured()) return;
  std::string notice;
  cache_->add(real_file_system(), chooser_->choices(), notice);
  tell(std::move(notice));
}

graph::Device ComputeDevice::backend(int threads) {
  return {.kernels = graph::cuda_kernels(), .threads = threads, .queues = &queues_};
}

std::unique_ptr<ComputeDevice> open_device(const DeviceChoice& choice) {
  return choice.on_gpu() ? std::make_unique<ComputeDevice>(choice) : nullptr;
}

}  // namespace weft::runtime
