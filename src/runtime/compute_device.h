// The device that programs run on, opened for use: its library's kernels, its memory and its
// streams. The CPU needs none of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/cuda/find.h"
#include "graph/program.h"
#include "ops/kernel_chooser.h"

namespace weft::runtime {

class ChoiceCache;

// A device as a config or an option names it, and what that means on this machine.
struct DeviceChoice {
  device::Kind kind = device::Kind::kCpu;
  int index = 0;       // of the library's devices
  std::string reason;  // why this one, in words for a user
  // Is told, when the device is opened for a model, what a user should know of its kernels.
  std::function<void(const std::string& notice)> tell = {};

  bool on_gpu() const { return kind != device::Kind::kCpu; }
};

// What `asked` (auto, cpu, cuda, or gpu, which is cuda) means here. Throws Error with the exact
// reason if a device that was asked for by name cannot be used. Starts nothing on it. With the
// reference kernels auto is the CPU, whose they are.
DeviceChoice choose_device(std::string_view asked, KernelChoice kernels = KernelChoice::kAuto);
// The same for plans, which need no device: auto is what this machine has.
bool plans_for_gpu(std::string_view asked, KernelChoice kernels);
// Throws Error if `kernels` are not for such a device: reference is the CPU's, own and vendor are a
// GPU's. `why` says why it computes there.
void check_kernels(KernelChoice kernels, bool on_gpu, std::string_view why);

class ComputeDevice {
 public:
  // Loads the library of `choice`, whose kernels are in use from now on. Throws Error if it cannot
  // be used.
  explicit ComputeDevice(const DeviceChoice& choice);
  // Device `index` of a library that is loaded already.
  ComputeDevice(std::shared_ptr<const device::Library> library, int index);
  ~ComputeDevice();

  const device::Device& device() const { return device_; }
  graph::DeviceQueues& queues() { return queues_; }
  // For programs.
  graph::Device backend(int threads);
  // Bytes of device memory that it takes for itself once use_kernels() has chosen.
  static int64_t own_bytes(KernelChoice kernels);

  // Whose kernels multiply and compute attention, from now on: with auto and vendor each call is
  // chosen before its program is captured; `remembered` choices first, then those of the user's
  // cache. Only the first call counts.
  void use_kernels(KernelChoice kernels, ops::CallChoices remembered = {},
                   bool deterministic = false);
  // Puts what was measured into the user's cache.
  void remember_choices();
  // Null: our own kernels serve everything.
  const ops::KernelChooser* chooser() const { return chooser_.get(); }
  // What a user should be told of all that.
  const std::vector<std::string>& notices() const { return notices_; }

 private:
  void tell(std::string notice);

  device::Device device_;
  graph::DeviceQueues queues_;
  std::unique_ptr<ops::KernelChooser> chooser_;
  std::unique_ptr<ChoiceCache> cache_;  // of kernels: auto
  std::vector<std::string> notices_;
};

// The device of `choice`; null for the CPU.
std::unique_ptr<ComputeDevice> open_device(const DeviceChoice& choice);

}  // namespace weft::runtime
