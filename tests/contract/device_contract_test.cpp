// The contract test on a device, for every operator that has a kernel for GPUs: on the emulated
// one, or with WEFT_TEST_DEVICE=cuda on a GPU, with the same samples and tolerances.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "contract_check.h"
#include "core/cuda/device.h"
#include "graph/registry.h"
#include "ops/device_kernels.h"
#include "ops/kernel_chooser.h"

namespace weft::test {
namespace {

std::string kind_under_test() {
  const char* kind = std::getenv("WEFT_TEST_DEVICE");
  return kind == nullptr ? "emulated" : kind;
}

// The device, with its kernels in use.
class DeviceUnderTest {
 public:
  DeviceUnderTest() : device_(library(), 0), queues_(device_, 1) {
    ops::use_device_kernels(device_.library());
  }

  // From now on the vendor's libraries serve: on the emulated device their stand-ins.
  ops::KernelChooser& use_vendor() {
    chooser_ = std::make_unique<ops::KernelChooser>(device_, queues_.stream(0),
                                                    KernelChoice::kVendor, ops::CallChoices());
    return *chooser_;
  }
  graph::DeviceQueues& queues() { return queues_; }
  const device::VendorApi& vendor() const { return device_.library().vendor(); }

  DeviceBench bench() {
    const bool has_orders = device_.api().set_order != nullptr;
    return {.queues = queues_,
            .set_order = [this](int order) { set_order(order); },
            .orders = has_orders ? 3 : 1};
  }

 private:
  // With stand-ins for the vendor's libraries, which are asked for nothing before use_vendor().
  static std::shared_ptr<const device::Library> library() {
    setenv("WEFT_EMULATED_VENDOR", "13.1.0", 1);
    setenv("WEFT_EMULATED_CUDNN", "9.26.0", 1);
    const device::LoadedLibrary loaded = device::load_library(kind_under_test());
    if (loaded.library == nullptr) throw Error(loaded.why_not);
    return loaded.library;
  }
  void set_order(int order) {
    if (device_.api().set_order == nullptr) return;
    device_.check(device_.api().set_order(static_cast<device::Order>(order), 7), "set the order");
  }

  device::Device device_;
  graph::DeviceQueues queues_;
  std::unique_ptr<ops::KernelChooser> chooser_;
};

std::vector<std::string> names_with_kernels() {
  std::vector<std::string> names;
  for (const graph::OpContract* contract : graph::all_contracts())
    if (graph::cuda_kernels()[graph::index_of(*contract)] != nullptr)
      names.emplace_back(contract->name);
  return names;
}

class EveryDeviceOperator : public testing::TestWithParam<std::string> {};

TEST_P(EveryDeviceOperator, KeepsItsContractOnADevice) {
  const graph::OpContract* contract = graph::find_contract(GetParam());
  ASSERT_NE(contract, nullptr);
  DeviceUnderTest device;
  const graph::Kernel kernel = graph::cuda_kernels()[graph::index_of(*contract)];
  for (const std::string& failure : check_device_kernel(*contract, kernel, device.bench()))
    ADD_FAILURE() << failure;
}

INSTANTIATE_TEST_SUITE_P(Operators, EveryDeviceOperator, testing::ValuesIn(names_with_kernels()),
                         [](const auto& test) { return test.param; });

// The emulated device as its environment says, for the orders that are set from then on.
class EmulatedDeviceTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    // What the environment chooses here is given on a GPU.
    if (kind_under_test() != "emulated") GTEST_SKIP() << "a GPU is as it is";
  }
  void TearDown() override {
    unsetenv("WEFT_EMULATED_WORKERS");
    unsetenv("WEFT_EMULATED_CAPABILITY");
  }

  static void check(int orders) {
    const graph::OpContract* contract = graph::find_contract(GetParam());
    ASSERT_NE(contract, nullptr);
    DeviceUnderTest device;
    DeviceBench bench = device.bench();
    bench.orders = orders;
    const graph::Kernel kernel = graph::cuda_kernels()[graph::index_of(*contract)];
    for (const std::string& failure : check_device_kernel(*contract, kernel, bench))
      ADD_FAILURE() << failure;
  }
};

// Products and attention have tests on several threads of their own, with fewer elements
// (tests/emulator).
std::vector<std::string> names_of_small_kernels() {
  std::vector<std::string> names = names_with_kernels();
  std::erase_if(names, [](const std::string& name) {
    const auto has = [&name](const char* part) { return name.find(part) != std::string::npos; };
    return has("linear") || has("matmul") || has("attention");
  });
  return names;
}

// With the blocks of kernels on three OS threads: the same results, and under ThreadSanitizer no
// race between blocks.
class EveryDeviceOperatorThreads : public EmulatedDeviceTest {};

TEST_P(EveryDeviceOperatorThreads, HasNoRaceBetweenBlocks) {
  setenv("WEFT_EMULATED_WORKERS", "3", 1);
  check(1);
}

INSTANTIATE_TEST_SUITE_P(Operators, EveryDeviceOperatorThreads,
                         testing::ValuesIn(names_of_small_kernels()),
                         [](const auto& test) { return test.param; });

// Where there are kernels for Hopper, the operators' calls of them: layouts, strides, epilogues.
class OperatorOnHopper : public EmulatedDeviceTest {};

TEST_P(OperatorOnHopper, KeepsItsContractOnADevice) {
  setenv("WEFT_EMULATED_CAPABILITY", "90", 1);
  check(std::getenv("WEFT_LONG") == nullptr ? 1 : 3);  // tests/emulator has all orders
}

INSTANTIATE_TEST_SUITE_P(Operators, OperatorOnHopper,
                         testing::Values("linear", "linear_weight_gradient", "attention",
                                         "attention_backward"),
                         [](const auto& test) { return test.param; });

// The same of operators that multiply or compute attention, by the vendor's libraries. A call is
// chosen when it first comes, which writes its result; what stood there is put back.
class EveryDeviceProduct : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { choose_kernels(KernelChoice::kVendor); }  // for workspaces
  void TearDown() override { choose_kernels(KernelChoice::kAuto); }

  static void multiply(const graph::KernelCall& call) {
    std::vector<std::vector<std::byte>> before;
    for (const graph::Tensor& out : call.outputs) {
      before.emplace_back(static_cast<size_t>(out.type.bytes()));
      queues->download(before.back(), out.data);
    }
    ops::choose_calls(call.device->stream, [&] { kernel(call); });
    for (size_t i = 0; i < before.size(); ++i) queues->upload(call.outputs[i].data, before[i]);
    kernel(call);
  }

  static inline graph::Kernel kernel = nullptr;
  static inline graph::DeviceQueues* queues = nullptr;
};

TEST_P(EveryDeviceProduct, KeepsItsContractWithTheVendorsLibrary) {
  const graph::OpContract* contract = graph::find_contract(GetParam());
  ASSERT_NE(contract, nullptr);
  DeviceUnderTest device;
  const ops::KernelChooser& chooser = device.use_vendor();
  // The emulated device always has its stand-ins; a machine with a GPU may be without cuBLASLt.
  const std::vector<std::string> missing = ops::missing_libraries(device.vendor());
  if (kind_under_test() == "emulated") {
    ASSERT_TRUE(missing.empty()) << missing.front();
  }
  if (!missing.empty()) GTEST_SKIP() << missing.front();
  kernel = graph::cuda_kernels()[graph::index_of(*contract)];
  queues = &device.queues();
  DeviceBench bench = device.bench();
  bench.orders = 1;  // our kernels have been through all of them, and the library has none
  for (const std::string& failure : check_device_kernel(*contract, multiply, bench))
    ADD_FAILURE() << failure;
  EXPECT_NE(chooser.library_in_use(), "");
}

INSTANTIATE_TEST_SUITE_P(Operators, EveryDeviceProduct,
                         testing::Values("linear", "linear_activation", "linear_weight_gradient",
                                         "linear_cross_entropy", "linear_cross_entropy_backward",
                                         "matmul", "attention", "attention_backward"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weft::test
