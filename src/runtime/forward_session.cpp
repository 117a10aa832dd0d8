#include "runtime/forward_session.h"

#include <map>

#include "graph/precision.h"

namespace weft::runtime {
namespace {

// As the process has chosen its kernels.
std::unique_ptr<ComputeDevice> open_with_kernels(const DeviceChoice& choice) {
  check_kernels(kernel_choice(), choice.on_gpu(), choice.reason);
  std::unique_ptr<ComputeDevice> device = open_device(choice);
  if (device != nullptr) device->use_kernels(kernel_choice());
  return device;
}

}  // namespace

ForwardSession::ForwardSession(std::vector<ForwardGraph> graphs, int threads,
                               const DeviceChoice& device)
    : device_(open_with_kernels(device)),
      plan_(
          plan_forwards(std::move(graphs), {.threads = threads, .on_device = device_ != nullptr})),
      pool_(threads),
      arena_(plan_.persistent_bytes + plan_.transient_bytes, device_.get()),
      programs_(std::make_unique<ForwardPrograms>(
          plan_, ForwardBinding{.arena = &*arena_, .transient = plan_.persistent_bytes},
          backend_of(device_.get(), threads))) {
  if (device_ == nullptr) return;
  device_->remember_choices();
  if (!device.tell) return;
  for (const std::string& notice : device_->notices()) device.tell(notice);
}

// On a device all parameters pass through the host's memory.
void ForwardSession::load(const io::TensorSet& tensors, const nn::DecoderSpec& spec) {
  std::map<std::string, std::vector<std::byte>> loaded;
  const auto memory_of = [&](const std::string& name) -> std::byte* {
    const auto found = plan_.shared.find(name);
    if (found == plan_.shared.end()) return nullptr;
    if (device_ == nullptr) return static_cast<std::byte*>(programs_->shared(name).data);
    std::vector<std::byte>& bytes = loaded[name];  // of several tensors of a file, it may be
    bytes.resize(static_cast<size_t>(found->second.type.bytes()));
    return bytes.data();
  };
  load_weights(tensors, spec, [&](const std::string& name) {
    return ParameterMemory{
        .master = reinterpret_cast<float*>(memory_of(name)),
        .copy = reinterpret_cast<BFloat16*>(memory_of(graph::compute_copy_name(name)))};
  });
  for (const auto& [name, bytes] : loaded) programs_->write_shared(name, bytes);
}

}  // namespace weft::runtime
