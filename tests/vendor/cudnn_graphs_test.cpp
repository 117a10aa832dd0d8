// cuDNN's answer to our graphs of attention for an H200 that is only described, so that no GPU is
// needed: it has engines for them, which fit the planned workspace, and compiles their kernels.
// That they compute the right thing only a GPU shows (attention_test.cpp).
//
// cuDNN compiles only where it finds a driver. The toolkit has an empty one to link with, which
// serves: it refuses to load what was compiled, which is the last thing that cuDNN asks of it.
#include <dlfcn.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "core/cuda/library.h"

namespace weft::test {
namespace {

using device::Attention;

// As cuDNN writes the properties of one.
constexpr const char* kH200 =
    R"({"deviceVer": 900, "driverVer": 13000, "cudaDeviceId": 0, "deviceName": "NVIDIA H200",
        "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
        "regsPerBlock": 65536, "multiProcessorCount": 132, "smCountOrigin": 0, "warpSize": 32,
        "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
        "reservedSharedMemoryPerBlock": 1024, "oversizedSharedMemoryPerBlock": 0,
        "maxRegistersPerSM": 65536, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024,
        "maxThreadsPerSM": 2048, "pciDeviceId": 0, "isTccDriver": 0, "supportCoopLaunch": 1,
        "totalGlobalMem": 150754820096, "smClockRateKHz": 1980000, "memClockRateKHz": 3201000,
        "l2CacheSize": 62914560})";

bool is_loaded(const std::string& driver) {
  return dlopen(driver.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr;
}

// The driver, or the toolkit's empty one, from a folder within that of its libraries.
bool has_driver() {
  if (is_loaded("libcuda.so.1")) return true;
  const char* home = std::getenv("CUDA_HOME");
  const std::string toolkit = home == nullptr ? "/usr/local/cuda" : home;
  std::error_code none;
  for (const auto& folder : std::filesystem::directory_iterator(toolkit + "/lib64", none))
    if (folder.is_directory() && is_loaded((folder.path() / "libcuda.so").string())) return true;
  return false;
}

class CudnnGraphs : public testing::Test {
 protected:
  void SetUp() override {
    const device::LoadedLibrary loaded = device::load_library("cuda");
    if (loaded.library == nullptr) GTEST_SKIP() << loaded.why_not;
    if (!loaded.library->vendor().attention().usable())
      GTEST_SKIP() << loaded.library->vendor().attention().why_not;
    if (!has_driver()) GTEST_SKIP() << "neither a driver nor the toolkit's empty one";
    library_ = loaded.library;
  }

  void expect_accepted(const Attention& attention) const {
    SCOPED_TRACE(attention.to_string());
    device::AttentionOffer offer;
    const device::Status status = library_->vendor().attention_offer(kH200, attention, 0, &offer);
    const std::string name = library_->api().error_name(status);
    EXPECT_TRUE(status == device::kSuccess || name == "CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER")
        << name << ": " << library_->api().error_text(status);
    EXPECT_GE(offer.count, 1);
    // Forwards it is of the 32 MiB that all calls share.
    EXPECT_LE(offer.workspace_bytes, attention.backward ? attention_workspace(attention) : 4096);
  }

  std::shared_ptr<const device::Library> library_;
};

class CudnnGraphsOf : public CudnnGraphs, public testing::WithParamInterface<Attention> {};

TEST_P(CudnnGraphsOf, AreAccepted) {
  Attention attention = GetParam();
  expect_accepted(attention);
  attention.backward = true;
  expect_accepted(attention);
}

// A test for each: cuDNN compiles them, half a second for one.
INSTANTIATE_TEST_SUITE_P(
    Shapes, CudnnGraphsOf,
    testing::Values(
        Attention{
            .batch = 8, .tokens = 1024, .heads = 12, .kv_heads = 12, .width = 64, .causal = true},
        Attention{.batch = 4, .tokens = 1024, .heads = 25, .kv_heads = 25, .width = 64},
        Attention{
            .batch = 2, .tokens = 1000, .heads = 14, .kv_heads = 2, .width = 64, .causal = true},
        Attention{.batch = 1,
                  .tokens = 2048,
                  .heads = 8,
                  .kv_heads = 4,
                  .width = 128,
                  .causal = true,
                  .window = 512},
        Attention{.batch = 1, .tokens = 256, .heads = 4, .kv_heads = 2, .width = 8, .causal = true},
        Attention{
            .batch = 1, .tokens = 256, .heads = 4, .kv_heads = 2, .width = 96, .causal = true},
        Attention{
            .batch = 1, .tokens = 256, .heads = 4, .kv_heads = 2, .width = 256, .causal = true}));

TEST_F(CudnnGraphs, AreNotMadeForWhatItHasNot) {
  const Attention odd{.batch = 1, .tokens = 64, .heads = 1, .kv_heads = 1, .width = 12};
  const Attention wide{.batch = 1, .tokens = 64, .heads = 1, .kv_heads = 1, .width = 264};
  const Attention one{
      .batch = 1, .tokens = 1, .heads = 1, .kv_heads = 1, .width = 64, .backward = true};
  for (const Attention& attention : {odd, wide, one}) {
    device::AttentionOffer offer;
    EXPECT_EQ(library_->vendor().attention_offer(kH200, attention, 0, &offer), device::kUnsupported)
        << attention.to_string();
  }
}

TEST_F(CudnnGraphs, AListEnds) {
  const Attention attention{.batch = 1, .tokens = 128, .heads = 2, .kv_heads = 2, .width = 64};
  device::AttentionOffer offer;
  EXPECT_EQ(library_->vendor().attention_offer(kH200, attention, 99, &offer), device::kUnsupported);
  EXPECT_GE(offer.count, 1);
}

TEST_F(CudnnGraphs, ADeviceThatIsDescribedWronglyIsAnError) {
  const Attention attention{.batch = 1, .tokens = 128, .heads = 2, .kv_heads = 2, .width = 64};
  device::AttentionOffer offer;
  const device::Status status = library_->vendor().attention_offer("{}", attention, 0, &offer);
  EXPECT_GE(status, device::kAttentionStatus);
  EXPECT_STREQ(library_->api().error_name(status), "CUDNN_STATUS_BAD_PARAM");
}

}  // namespace
}  // namespace weft::test
