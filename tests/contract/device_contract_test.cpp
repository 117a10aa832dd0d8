// The contract test on a device, for every operator that has a kernel for GPUs: on the emulated
// one, or with WEFT_TEST_DEVICE=cuda on a GPU, with the same samples and tolerances.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "contract_check.h"
#include "core/cuda/device.h"
#include "graph/registry.h"
#include "ops/device_kernels.h"
#include "ops/device_products.h"

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

  // From now on the vendor's library multiplies: on the emulated device its stand-in.
  ops::DeviceProducts& use_vendor() {
    products_ = std::make_unique<ops::DeviceProducts>(device_, queues_.stream(0),
                                                      KernelChoice::kVendor, ops::ProductChoices());
    return *products_;
  }
  graph::DeviceQueues& queues() { return queues_; }

  DeviceBench bench() {
    const bool has_orders = device_.api().set_order != nullptr;
    return {.queues = queues_,
            .set_order = [this](int order) { set_order(order); },
            .orders = has_orders ? 3 : 1};
  }

 private:
  static std::shared_ptr<const device::Library> library() {
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
  std::unique_ptr<ops::DeviceProducts> products_;
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

// The same of operators that multiply, by the vendor's library. A product is chosen when it first
// comes, which writes its result; what stood there is put back.
class EveryDeviceProduct : public testing::TestWithParam<const char*> {
 protected:
  static void multiply(const graph::KernelCall& call) {
    std::vector<std::vector<std::byte>> before;
    for (const graph::Tensor& out : call.outputs) {
      before.emplace_back(static_cast<size_t>(out.type.bytes()));
      queues->download(before.back(), out.data);
    }
    ops::choose_products(call.device->stream, [&] { kernel(call); });
    for (size_t i = 0; i < before.size(); ++i) queues->upload(call.outputs[i].data, before[i]);
    kernel(call);
  }

  static inline graph::Kernel kernel = nullptr;
  static inline graph::DeviceQueues* queues = nullptr;
};

TEST_P(EveryDeviceProduct, KeepsItsContractWithTheVendorsLibrary) {
  setenv("WEFT_EMULATED_VENDOR", "13.1.0", 1);
  const graph::OpContract* contract = graph::find_contract(GetParam());
  ASSERT_NE(contract, nullptr);
  DeviceUnderTest device;
  const ops::DeviceProducts& products = device.use_vendor();
  if (!products.why_own().empty()) GTEST_SKIP() << products.why_own();
  kernel = graph::cuda_kernels()[graph::index_of(*contract)];
  queues = &device.queues();
  for (const std::string& failure : check_device_kernel(*contract, multiply, device.bench()))
    ADD_FAILURE() << failure;
  EXPECT_NE(products.library_in_use(), "");
}

INSTANTIATE_TEST_SUITE_P(Operators, EveryDeviceProduct,
                         testing::Values("linear", "linear_activation", "linear_weight_gradient",
                                         "linear_cross_entropy", "linear_cross_entropy_backward",
                                         "matmul"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weft::test
