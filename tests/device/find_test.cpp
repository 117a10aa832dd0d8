// What `weft devices` and `device: auto` say on machines that lack something.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/cuda/find.h"
#include "fake_api.h"
#include "weft/error.h"

namespace weft::test {
namespace {

using device::Kind;
using testing::AllOf;
using testing::HasSubstr;

device::Found found_on(const FakeMachine& machine) {
  const device::Api api = fake_api(machine);
  return device::examine(api);
}

TEST(FindDevices, UsableGpu) {
  const device::Found found = found_on({.devices = 2});
  EXPECT_TRUE(found.usable()) << found.why_not;
  ASSERT_EQ(found.devices.size(), 2u);
  EXPECT_EQ(found.devices[1].index, 1);
  EXPECT_STREQ(found.devices[1].properties.name, "Fake 100");
  EXPECT_EQ(device::choose(Kind::kAuto, found).kind, Kind::kCuda);
  EXPECT_EQ(device::choose(Kind::kCuda, found).kind, Kind::kCuda);
  EXPECT_EQ(device::choose(Kind::kCpu, found).kind, Kind::kCpu);
}

TEST(FindDevices, NoDriver) {
  const device::Found found = found_on({.on_count = device::kNoDriver, .driver = 0});
  EXPECT_THAT(found.why_not, AllOf(HasSubstr("no NVIDIA driver"), HasSubstr("--gpus all")));
  const device::Choice choice = device::choose(Kind::kAuto, found);
  EXPECT_EQ(choice.kind, Kind::kCpu);
  EXPECT_THAT(choice.reason, HasSubstr("no NVIDIA driver"));
}

TEST(FindDevices, OldDriverIsToldWithBothVersions) {
  const device::Found found = found_on({.on_count = device::kOldDriver, .driver = 12040});
  EXPECT_THAT(found.why_not, AllOf(HasSubstr("too old"), HasSubstr("knows CUDA 12.4"),
                                   HasSubstr("needs 13.0"), HasSubstr("update the driver")));
}

TEST(FindDevices, DriverWithoutDevices) {
  EXPECT_THAT(found_on({.on_count = device::kNoDevice}).why_not, HasSubstr("CUDA_VISIBLE_DEVICES"));
  EXPECT_THAT(found_on({.devices = 0}).why_not, HasSubstr("shows no GPU"));
}

TEST(FindDevices, UnsupportedCapabilityNamesTheDeviceAndWhatIsNeeded) {
  const device::Found found = found_on({.major = 7, .minor = 5});
  EXPECT_THAT(found.why_not, AllOf(HasSubstr("Fake 100"), HasSubstr("compute capability is 7.5"),
                                   HasSubstr("8.0")));
  EXPECT_EQ(found.devices.size(), 1u);
  EXPECT_TRUE(found_on({.major = 8, .minor = 0}).usable());
  EXPECT_TRUE(found_on({.major = 12, .minor = 0}).usable());
}

TEST(FindDevices, OtherErrorsKeepTheDriversWords) {
  EXPECT_THAT(found_on({.on_versions = 214}).why_not,
              AllOf(HasSubstr("cudaErrorECC"), HasSubstr("uncorrectable ECC error")));
  EXPECT_THAT(found_on({.on_properties = 214}).why_not, HasSubstr("uncorrectable ECC error"));
}

TEST(FindDevices, AskingForAnUnusableGpuIsAnError) {
  const device::Found found = found_on({.on_count = device::kNoDriver, .driver = 0});
  try {
    device::choose(Kind::kCuda, found);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("device cuda cannot be used: no NVIDIA driver"),
                                    HasSubstr("weft devices")));
  }
}

TEST(LoadLibrary, SaysWhereItLooked) {
  const auto loaded = device::load_library("cuda", {"/nowhere/a", "/nowhere/b"});
  EXPECT_EQ(loaded.library, nullptr);
  EXPECT_THAT(loaded.why_not, AllOf(HasSubstr("libweft_cuda.so"), HasSubstr("/nowhere/a"),
                                    HasSubstr("/nowhere/b")));
}

TEST(LoadLibrary, SaysWhyAFileCannotBeLoaded) {
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "/libweft_cuda.so") << "no library";
  const auto loaded = device::load_library("cuda", {folder});
  EXPECT_EQ(loaded.library, nullptr);
  EXPECT_THAT(loaded.why_not, AllOf(HasSubstr("cannot be loaded"), HasSubstr(folder)));
}

TEST(LoadLibrary, RefusesOtherBuildsAndOtherKinds) {
  device::LibraryTable table{
      .api_version = device::kApiVersion, .weft_version = WEFT_VERSION, .kind = "cuda"};
  EXPECT_EQ(device::why_not_this_build(&table, "cuda"), "");
  EXPECT_THAT(device::why_not_this_build(&table, "emulated"), HasSubstr("for cuda"));
  table.api_version += 1;
  EXPECT_THAT(device::why_not_this_build(&table, "cuda"), HasSubstr("another build"));
  table.api_version -= 1;
  table.weft_version = "0.0.1";
  EXPECT_THAT(device::why_not_this_build(&table, "cuda"), HasSubstr("0.0.1"));
  EXPECT_THAT(device::why_not_this_build(nullptr, "cuda"), HasSubstr("weft_device_library"));
}

TEST(LoadLibrary, FindsTheEmulatedDevice) {
  const device::Found found = device::find("emulated");
  EXPECT_TRUE(found.usable()) << found.why_not;
  EXPECT_THAT(found.library, HasSubstr("libweft_emulated.so"));
  EXPECT_EQ(found.architectures, "host");
}

}  // namespace
}  // namespace weft::test
