// `kernels: auto`: the fastest is taken, once for each product, and remembered; files that cannot
// be trusted are not.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "product_run.h"
#include "runtime/choice_cache.h"
#include "tests/core/temporary_folder.h"
#include "vendor_device.h"

namespace weft::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Tuning : public testing::Test {
 protected:
  void SetUp() override {
    setenv("WEFT_CACHE", (folder_.path() / "cache").c_str(), 1);
    clock({{-1, 2.0}, {0, 1.0}, {1, 3.0}});
  }
  static void clock(std::map<int, double> seconds) {
    scripted_clock = {.seconds = std::move(seconds)};
  }

  struct Tuned {
    std::string kernel, reason;
    double own_seconds, vendor_seconds;
    std::vector<std::string> notices;
    ProductResult result;
  };
  static Tuned tuned(KernelChoice kernels = KernelChoice::kAuto, ops::CallChoices remembered = {}) {
    scripted_clock.last = -1;
    runtime::ComputeDevice device(library_with_scripted_clock(), 0);
    device.use_kernels(kernels, std::move(remembered));
    ProductRun run(device, kCase);
    run.choose();
    device.remember_choices();
    run.launch();
    const ops::ChosenCall row = device.chooser()->chosen().at(0);
    EXPECT_EQ(row.call, kName);
    return {row.kernel,         row.reason,       row.own_seconds,
            row.vendor_seconds, device.notices(), run.result()};
  }

  static inline const ProductCase kCase{.name = "plain",
                                        .spec = {.m = 24, .n = 16, .k = 40, .input = DType::kBF16}};
  static constexpr const char* kName = "24x16x40 nn bf16>f32";
  TemporaryFolder folder_;
};

TEST_F(Tuning, TakesTheFastest) {
  EXPECT_EQ(tuned().kernel, "cuBLASLt 13.1.0 #0");
  std::filesystem::remove_all(folder_ / "cache");
  clock({{-1, 2.0}, {0, 2.5}, {1, 1.5}});
  const Tuned second = tuned();
  EXPECT_EQ(second.kernel, "cuBLASLt 13.1.0 #1");
  EXPECT_EQ(second.reason, "measured");
  EXPECT_FLOAT_EQ(static_cast<float>(second.own_seconds), 2.0f / 1);
  EXPECT_FLOAT_EQ(static_cast<float>(second.vendor_seconds), 1.5f);
  std::filesystem::remove_all(folder_ / "cache");
  clock({{-1, 1.0}, {0, 2.5}, {1, 1.5}});
  EXPECT_EQ(tuned().kernel, "own");
}

TEST_F(Tuning, TheChosenOneRuns) {
  clock({{-1, 2.0}, {0, 2.5}, {1, 1.5}});
  const ProductResult second = tuned().result;
  std::filesystem::remove_all(folder_ / "cache");
  clock({{-1, 2.0}, {0, 1.0}, {1, 1.5}});
  const ProductResult first = tuned().result;
  EXPECT_NE(first, second) << "the stand-in's algorithms differ in their last bits";
  EXPECT_EQ(tuned(KernelChoice::kVendor).result, first);
}

TEST_F(Tuning, IsDoneOncePerProductAndDevice) {
  EXPECT_EQ(tuned().reason, "measured");
  EXPECT_GT(scripted_clock.readings, 0);
  clock({{-1, 0.5}, {0, 1.0}, {1, 3.0}});  // ours would be taken now
  const Tuned again = tuned();
  EXPECT_EQ(again.kernel, "cuBLASLt 13.1.0 #0");
  EXPECT_EQ(again.reason, "remembered");
  EXPECT_EQ(scripted_clock.readings, 0);
  EXPECT_THAT(again.notices, testing::IsEmpty());
}

TEST_F(Tuning, ARunsOwnMemoryComesBeforeTheCache) {
  tuned();
  EXPECT_EQ(tuned(KernelChoice::kAuto, {{kName, "cuBLASLt 13.1.0 #1"}}).kernel,
            "cuBLASLt 13.1.0 #1");
  EXPECT_EQ(tuned(KernelChoice::kAuto, {{kName, "own"}}).kernel, "own");
}

TEST_F(Tuning, VendorMeasuresNothingAndAsksForNoCache) {
  const Tuned asked = tuned(KernelChoice::kVendor);
  EXPECT_EQ(asked.kernel, "cuBLASLt 13.1.0 #0");
  EXPECT_EQ(asked.reason, "asked for");
  EXPECT_EQ(scripted_clock.readings, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "cache"));
  EXPECT_EQ(tuned(KernelChoice::kVendor, {{kName, "own"}}).kernel, "cuBLASLt 13.1.0 #0");
}

TEST_F(Tuning, WhatIsRememberedWronglyIsMeasuredAgain) {
  for (const char* wrong :
       {"", "OWN", "cuBLASLt 13.1.0 #", "cuBLASLt 13.1.0 #-1", "cuBLASLt 13.1.0 #99",
        "cuBLASLt 13.1.0 #0x", "cuBLASLt 12.9.0 #0", "cuBLASLt 13.1.0 #99999999999999999999"}) {
    std::filesystem::remove_all(folder_ / "cache");
    const Tuned once = tuned(KernelChoice::kAuto, {{kName, wrong}});
    EXPECT_EQ(once.kernel, "cuBLASLt 13.1.0 #0") << wrong;
    EXPECT_EQ(once.reason, "measured") << wrong;
  }
}

class Cache : public Tuning {
 protected:
  std::filesystem::path file() const {
    return runtime::ChoiceCache(folder_ / "cache", "emulated on the host",
                                "cuBLASLt 13.1.0, cuDNN 9.26.0")
        .file();
  }
  std::string text() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string with(const std::string& from, const std::string& to) const {
    std::string changed = text();
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  }
};

TEST_F(Cache, HoldsNamesAndPlacesInAList) {
  tuned();
  EXPECT_THAT(text(), HasSubstr("\"24x16x40 nn bf16>f32\": \"cuBLASLt 13.1.0 #0\""));
  EXPECT_THAT(text(), HasSubstr("\"device\": \"emulated on the host\""));
}

TEST_F(Cache, TornAndStrangeFilesAreIgnoredWithALineAndWrittenAnew) {
  tuned();
  const std::string whole = text();
  const std::string many = "\"choices\": {\"" + std::string(300, 'x') + "\": \"own\"";
  for (const std::string& strange :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("[]"), std::string("\0\1", 2),
        with("\"version\": 1", "\"version\": 2"), with("emulated on the host", "another"),
        with("\"cuBLASLt 13.1.0, cuDNN", "\"cuBLASLt 1.0.0, cuDNN"),
        with("\"choices\": {", many + ", "), with("\"cuBLASLt 13.1.0 #0\"", "7"),
        std::string(100000, '['), std::string((1 << 20) + 1, ' ')}) {
    SCOPED_TRACE(strange.substr(0, 300));
    std::ofstream(file()) << strange;
    const Tuned once = tuned();
    EXPECT_EQ(once.reason, "measured");
    EXPECT_THAT(once.notices,
                ElementsAre(testing::AllOf(HasSubstr("are ignored"), HasSubstr(file().string()))));
    EXPECT_EQ(text(), whole);
  }
}

TEST_F(Cache, KeepsWhatOtherRunsHaveMeasured) {
  tuned();
  const std::string more = with("\"choices\": {", "\"choices\": {\"1x2x3 nn f32>f32\": \"own\",");
  std::ofstream(file()) << more;
  clock({{-1, 1.0}, {0, 2.0}, {1, 3.0}});
  tuned(KernelChoice::kAuto, {{kName, "forgotten"}});
  EXPECT_THAT(text(), HasSubstr("\"1x2x3 nn f32>f32\": \"own\""));
  EXPECT_THAT(text(), HasSubstr("\"24x16x40 nn bf16>f32\": \"own\""));
}

TEST_F(Cache, AFolderThatCannotBeMadeIsTold) {
  folder_.write("cache", "a file");
  const Tuned once = tuned();
  EXPECT_EQ(once.reason, "measured");
  EXPECT_THAT(once.notices, testing::Contains(HasSubstr("is not remembered")));
}

TEST_F(Cache, LiesWhereTheUsersCacheIs) {
  const auto folder = [](const char* own, const char* xdg, const char* home) {
    setenv("WEFT_CACHE", own, 1);
    setenv("XDG_CACHE_HOME", xdg, 1);
    setenv("HOME", home, 1);
    return runtime::cache_folder();
  };
  const std::string home = getenv("HOME") == nullptr ? "" : getenv("HOME");
  EXPECT_EQ(folder("/a", "/b", "/c"), Path("/a"));
  EXPECT_EQ(folder("", "/b", "/c"), Path("/b/weft"));
  EXPECT_EQ(folder("", "", "/c"), Path("/c/.cache/weft"));
  EXPECT_EQ(folder("", "", ""), std::nullopt);
  setenv("HOME", home.c_str(), 1);
}

}  // namespace
}  // namespace weft::test
