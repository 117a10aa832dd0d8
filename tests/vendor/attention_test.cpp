// Attention by the vendor's library: it agrees with ours in every form that it is asked for, ours
// serve for all else, and gradients that differ from run to run are taken only where nobody minds.
// On the emulated device with its stand-in for cuDNN; on a GPU with cuDNN itself.
#include <gmock/gmock.h>

#include "attention_run.h"
#include "core/cuda/vendor.h"
#include "tests/contract/tolerance.h"
#include "vendor_device.h"

namespace weft::test {
namespace {

using testing::AllOf;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// For tests of the library's gradients: their workspace is planned where they are asked for.
class VendorAttention : public testing::Test {
 protected:
  void SetUp() override { choose_kernels(KernelChoice::kVendor); }
  void TearDown() override { choose_kernels(KernelChoice::kAuto); }
};

std::vector<AttentionCase> cases() {
  return {{"causal", 2, 16, {.heads = 2, .kv_heads = 2, .head_dim = 8}},
          {"full", 1, 24, {.heads = 2, .kv_heads = 2, .head_dim = 16, .causal = false}},
          {"shared heads", 1, 40, {.heads = 4, .kv_heads = 2, .head_dim = 8}},
          {"one key head", 2, 17, {.heads = 3, .kv_heads = 1, .head_dim = 24}},
          {"window", 1, 70, {.heads = 1, .kv_heads = 1, .head_dim = 8, .window = 9}},
          {"window beyond", 1, 12, {.heads = 1, .kv_heads = 1, .head_dim = 8, .window = 12}},
          {"scaled", 1, 33, {.heads = 1, .kv_heads = 1, .head_dim = 64, .scale = 0.3}},
          {"wide heads", 1, 20, {.heads = 1, .kv_heads = 1, .head_dim = 128}}};
}

AttentionResult result_of(runtime::ComputeDevice& device, const AttentionCase& c) {
  AttentionRun run(device, c);
  run.choose();
  run.launch();
  return run.result();
}

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected,
                 double terms) {
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 1;
  for (const float value : expected) largest = std::fmax(largest, std::abs(double{value}));
  const double allowed = tolerance(DType::kBF16, terms, largest);
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_LE(std::abs(double{actual[i]} - double{expected[i]}), allowed) << i;
}

std::vector<std::string> kernels_of(const runtime::ComputeDevice& device) {
  std::vector<std::string> kernels;
  for (const ops::ChosenCall& row : device.chooser()->chosen()) kernels.push_back(row.kernel);
  return kernels;
}

void expect_agreement(const std::shared_ptr<const device::Library>& library, int index) {
  for (const AttentionCase& c : cases()) {
    SCOPED_TRACE(c.name);
    runtime::ComputeDevice own(library, index), vendor(library, index);
    vendor.use_kernels(KernelChoice::kVendor);
    const AttentionResult expected = result_of(own, c), actual = result_of(vendor, c);
    const auto terms = static_cast<double>(c.T * c.params.heads);
    expect_near(actual.out, expected.out, terms);
    expect_near(actual.log_sum_exp, expected.log_sum_exp, terms);
    expect_near(actual.gradient, expected.gradient, terms);
    EXPECT_THAT(kernels_of(vendor), AllOf(SizeIs(2), Each(StartsWith("cuDNN "))));
  }
}

TEST_F(VendorAttention, AgreeWithOursOnTheEmulatedDevice) {
  expect_agreement(emulated_library(), 0);
}

TEST_F(VendorAttention, AgreeWithOursOnAGpu) {
  const device::Found gpu = device::find("cuda");
  if (!gpu.usable()) GTEST_SKIP() << "no GPU: " << gpu.why_not;
  if (!gpu.vendors.at(1).usable()) GTEST_SKIP() << gpu.vendors[1].why_not;
  int index = 0;
  while (!gpu.devices.at(static_cast<size_t>(index)).why_not.empty()) index += 1;
  expect_agreement(device::load_library("cuda").library, index);
}

TEST_F(VendorAttention, IsNamedByItsShapeAndMask) {
  runtime::ComputeDevice device(emulated_library(), 0);
  device.use_kernels(KernelChoice::kVendor);
  const AttentionCase c{.name = "window",
                        .B = 2,
                        .T = 24,
                        .params = {.heads = 4, .kv_heads = 2, .head_dim = 8, .window = 5}};
  result_of(device, c);
  const std::vector<ops::ChosenCall> rows = device.chooser()->chosen();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].call, "attention 2x24 4/2x8 causal window 5");
  EXPECT_EQ(rows[1].call, "attention backward 2x24 4/2x8 causal window 5");
  EXPECT_EQ(rows[0].kernel, "cuDNN 9.26.0 #0");
  EXPECT_EQ(device.chooser()->library_in_use(), "cuDNN 9.26.0");
}

TEST_F(VendorAttention, OursServeForWhatTheLibraryIsNotAskedFor) {
  const ops::AttentionParams plain{.heads = 2, .kv_heads = 1, .head_dim = 8};
  for (const AttentionCase& c : {AttentionCase{"float", 1, 16, plain, DType::kF32},
                                 AttentionCase{"documents", 1, 16, plain, DType::kBF16, true}}) {
    SCOPED_TRACE(c.name);
    runtime::ComputeDevice own(emulated_library(), 0), vendor(emulated_library(), 0);
    vendor.use_kernels(KernelChoice::kVendor);
    EXPECT_EQ(result_of(vendor, c), result_of(own, c));
    EXPECT_THAT(vendor.chooser()->chosen(), IsEmpty());
  }
}

TEST_F(VendorAttention, OursServeForWhatTheLibraryHasNot) {
  const AttentionCase c{"odd width", 1, 16, {.heads = 1, .kv_heads = 1, .head_dim = 12}};
  runtime::ComputeDevice own(emulated_library(), 0), vendor(emulated_library(), 0);
  vendor.use_kernels(KernelChoice::kVendor);
  EXPECT_EQ(result_of(vendor, c), result_of(own, c));
  for (const ops::ChosenCall& row : vendor.chooser()->chosen()) {
    EXPECT_EQ(row.kernel, "own");
    EXPECT_EQ(row.reason, "cuDNN 9.26.0 does not offer it");
  }
  EXPECT_EQ(vendor.chooser()->library_in_use(), "");
}

TEST_F(VendorAttention, DeterministicRunsHaveOurGradient) {
  const AttentionCase c = cases()[0];
  runtime::ComputeDevice device(emulated_library(), 0);
  device.use_kernels(KernelChoice::kVendor, {}, true);
  result_of(device, c);
  const std::vector<ops::ChosenCall> rows = device.chooser()->chosen();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].kernel, StartsWith("cuDNN"));
  EXPECT_EQ(rows[1].kernel, "own");
  EXPECT_THAT(rows[1].reason, HasSubstr("gives other last bits in every run"));
}

// What was measured for the forward pass, and ours for a gradient that is to be the same when a run
// goes on.
class TunedAttention : public testing::Test {
 protected:
  void SetUp() override {
    unsetenv("WEFT_CACHE");
    setenv("XDG_CACHE_HOME", "", 1);
    setenv("HOME", "", 1);
  }
  static std::vector<ops::ChosenCall> tuned(std::map<int, double> seconds,
                                            ops::CallChoices remembered = {}) {
    scripted_clock = {.seconds = std::move(seconds)};
    runtime::ComputeDevice device(library_with_scripted_clock(), 0);
    device.use_kernels(KernelChoice::kAuto, std::move(remembered));
    result_of(device, cases()[0]);
    return device.chooser()->chosen();
  }
};

TEST_F(TunedAttention, TakesTheFastestForwardAndOurGradient) {
  const auto rows = tuned({{-1, 2.0}, {0, 2.5}, {1, 1.5}});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].kernel, "cuDNN 9.26.0 #1");
  EXPECT_EQ(rows[0].reason, "measured");
  EXPECT_EQ(rows[1].kernel, "own");
  EXPECT_EQ(tuned({{-1, 1.0}, {0, 2.5}, {1, 1.5}}).at(0).kernel, "own");
}

TEST_F(TunedAttention, RemembersByLibraryAndVersion) {
  const std::string name = "attention 2x16 2x8 causal";
  const auto remembered = [&](const char* kernel) {
    return tuned({{-1, 2.0}, {0, 1.0}, {1, 1.5}}, {{name, kernel}}).at(0);
  };
  EXPECT_EQ(remembered("cuDNN 9.26.0 #1").kernel, "cuDNN 9.26.0 #1");
  EXPECT_EQ(remembered("own").kernel, "own");
  for (const char* strange : {"cuDNN 9.1.0 #1", "cuBLASLt 13.1.0 #1", "cuDNN 9.26.0 #7"}) {
    EXPECT_EQ(remembered(strange).kernel, "cuDNN 9.26.0 #0") << strange;
    EXPECT_EQ(remembered(strange).reason, "measured") << strange;
  }
}

// Others are measured after it, on an arena that is to hold zeros.
TEST_F(TunedAttention, MeasuringLeavesZerosInPlaceOfTheLogSumExp) {
  scripted_clock = {.seconds = {{-1, 2.0}, {0, 1.0}, {1, 1.5}}};
  runtime::ComputeDevice device(library_with_scripted_clock(), 0);
  device.use_kernels(KernelChoice::kAuto);
  AttentionRun run(device, cases()[0]);
  run.choose();
  EXPECT_THAT(run.result().log_sum_exp, Each(0.0f));
}

}  // namespace
}  // namespace weft::test
