// Our products and the vendor's agree: every layout, type and epilogue that operators use. On the
// emulated device with its stand-in for cuBLASLt; on a GPU with cuBLASLt itself.
#include <gmock/gmock.h>

#include "product_run.h"
#include "tests/contract/tolerance.h"
#include "vendor_device.h"

namespace weft::test {
namespace {

using kernels::ActivationKind;
using kernels::GemmSpec;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

GemmSpec spec(DType input, DType output) {
  return {.m = 24, .n = 16, .k = 40, .input = input, .output = output, .bias_dtype = output};
}

std::vector<ProductCase> cases() {
  const DType f32 = DType::kF32, bf16 = DType::kBF16;
  std::vector<ProductCase> all;
  struct Types {
    std::string name;
    DType input, output;
  };
  for (const Types& types :
       {Types{"f32", f32, f32}, {"bf16", bf16, bf16}, {"bf16 into f32", bf16, f32}}) {
    const auto add = [&](const std::string& name, auto change) {
      ProductCase c{.name = types.name + ": " + name, .spec = spec(types.input, types.output)};
      change(c);
      all.push_back(c);
    };
    add("plain", [](auto&) {});
    add("b transposed", [](auto& c) { c.spec.trans_b = true; });
    add("a transposed", [](auto& c) { c.spec.trans_a = true; });
    add("both transposed", [](auto& c) { c.spec.trans_a = c.spec.trans_b = true; });
    add("one row", [](auto& c) { c.spec.m = 1; });
    add("odd", [](auto& c) { c.spec.m = 7, c.spec.n = 5, c.spec.k = 3; });
    add("bias", [](auto& c) { c.spec.bias = true; });
    add("bias and relu",
        [](auto& c) { c.spec.bias = true, c.spec.activation = ActivationKind::kRelu; });
    add("what is overwritten is not read", [](auto& c) { c.before = kNan; });
  }
  const auto add = [&](const std::string& name, GemmSpec s, auto change) {
    ProductCase c{.name = name, .spec = s};
    change(c);
    all.push_back(c);
  };
  add("gelu", spec(bf16, bf16), [](auto& c) {
    c.spec.bias = c.spec.save_pre_activation = true;
    c.spec.activation = ActivationKind::kGeluTanh;
  });
  add("added", spec(bf16, f32), [](auto& c) { c.accumulate = c.spec.trans_a = true; });
  add("added by flag", spec(bf16, f32), [](auto& c) { c.flag = 1.0f, c.spec.trans_a = true; });
  add("not added by flag", spec(f32, f32), [](auto& c) { c.flag = 0.0f, c.before = kNan; });
  return all;
}

// What cuBLASLt has no words for, or does not offer.
std::vector<ProductCase> cases_of_our_own() {
  std::vector<ProductCase> all;
  const auto add = [&](const std::string& name, auto change) {
    ProductCase c{.name = name, .spec = spec(DType::kBF16, DType::kBF16), .kernel = "own"};
    change(c);
    all.push_back(c);
  };
  add("bias of another type", [](auto& c) { c.spec.bias = true, c.spec.bias_dtype = DType::kF32; });
  add("gated", [](auto& c) { c.spec.gated = true, c.spec.activation = ActivationKind::kSilu; });
  add("exact gelu", [](auto& c) { c.spec.activation = ActivationKind::kGelu; });
  return all;
}

ProductResult result_of(runtime::ComputeDevice& device, const ProductCase& c) {
  ProductRun run(device, c);
  run.choose();
  run.launch();
  return run.result();
}

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected,
                 const ProductCase& c) {
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 0;
  for (const float value : expected) largest = std::fmax(largest, std::abs(double{value}));
  const double allowed =
      tolerance(c.spec.output, static_cast<double>(c.spec.k), std::fmax(largest, 1.0));
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_LE(std::abs(double{actual[i]} - double{expected[i]}), allowed) << c.name << ", " << i;
}

void expect_agreement(const std::shared_ptr<const device::Library>& library, int index) {
  runtime::ComputeDevice own(library, index), vendor(library, index);
  vendor.use_kernels(KernelChoice::kVendor);
  size_t chosen = 0;
  for (const ProductCase& c : cases()) {
    SCOPED_TRACE(c.name);
    const ProductResult expected = result_of(own, c), actual = result_of(vendor, c);
    expect_near(actual.c, expected.c, c);
    expect_near(actual.sums, expected.sums, c);
    const std::vector<ops::ChosenCall> rows = vendor.chooser()->chosen();
    ASSERT_GE(rows.size(), chosen);
    chosen = rows.size();
    EXPECT_THAT(rows.back().kernel, testing::StartsWith(c.kernel)) << rows.back().reason;
  }
  EXPECT_EQ(own.chooser(), nullptr);
}

TEST(VendorProducts, AgreeWithOursOnTheEmulatedDevice) {
  expect_agreement(emulated_library(), 0);
}

TEST(VendorProducts, AgreeWithOursOnAGpu) {
  const device::Found gpu = device::find("cuda");
  // What multiplies on a GPU can be seen on one only; the emulated device's stand-in has its test.
  if (!gpu.usable()) GTEST_SKIP() << "no GPU: " << gpu.why_not;
  // A GPU without cuBLASLt has one side alone.
  if (*gpu.vendors.at(0).why_not != '\0') GTEST_SKIP() << gpu.vendors[0].why_not;
  int index = 0;
  while (!gpu.devices.at(static_cast<size_t>(index)).why_not.empty()) index += 1;
  expect_agreement(device::load_library("cuda").library, index);
}

TEST(VendorProducts, OursServeForWhatTheLibraryHasNot) {
  runtime::ComputeDevice own(emulated_library(), 0), vendor(emulated_library(), 0);
  vendor.use_kernels(KernelChoice::kVendor);
  for (const ProductCase& c : cases_of_our_own()) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(result_of(vendor, c), result_of(own, c));
    for (const ops::ChosenCall& row : vendor.chooser()->chosen())
      EXPECT_EQ(row.kernel, "own") << row.call;
  }
  ASSERT_EQ(vendor.chooser()->chosen().size(), 1u);
  EXPECT_EQ(vendor.chooser()->chosen()[0].reason, "cuBLASLt 13.1.0 does not offer it");
  EXPECT_EQ(vendor.chooser()->library_in_use(), "");
}

TEST(VendorProducts, AProductThatWasNeverLookedAtIsOurs) {
  runtime::ComputeDevice own(emulated_library(), 0), vendor(emulated_library(), 0);
  vendor.use_kernels(KernelChoice::kVendor);
  const ProductCase c{.name = "plain", .spec = spec(DType::kF32, DType::kF32)};
  ProductRun mine(own, c), unchosen(vendor, c);
  mine.launch();
  unchosen.launch();
  EXPECT_EQ(unchosen.result(), mine.result());
}

TEST(VendorProducts, LookingThroughAProgramComputesNothing) {
  runtime::ComputeDevice device(emulated_library(), 0);
  device.use_kernels(KernelChoice::kVendor);
  const ProductCase c{.name = "gated", .spec = {.m = 2, .n = 2, .k = 2, .gated = true}};
  ProductRun run(device, c);
  run.choose();  // has no words for it: launches nothing at all
  EXPECT_EQ(run.result().c, std::vector<float>(4, 0.5f));
}

}  // namespace
}  // namespace weft::test
