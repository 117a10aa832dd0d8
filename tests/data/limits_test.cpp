// The limits of dataset.json as docs/formats.md lists them: each at its value, and one beyond.
#include <gmock/gmock.h>

#include "data/dataset_manifest.h"
#include "tests/core/refusals.h"

namespace weft::data {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& json) {
  return said_by([&] { parse_manifest(json, "dataset.json"); });
}

// What is within the limits is read, and found to be no manifest.
constexpr const char* kNoManifest = "describes no tokens folder";

TEST(Limits, DatasetManifestBytes) {
  const auto padded = [](size_t bytes) { return "{}" + std::string(bytes - 2, ' '); };
  EXPECT_THAT(refusal(padded(67'108'864)), HasSubstr(kNoManifest));
  EXPECT_THAT(refusal(padded(67'108'865)), HasSubstr("at most 67108864 are read"));
}

TEST(Limits, DatasetManifestDepth) {
  const auto nested = [](size_t depth) { return times("[", depth) + times("]", depth); };
  EXPECT_THAT(refusal(nested(8)), HasSubstr(kNoManifest));
  EXPECT_THAT(refusal(nested(9)), HasSubstr("nested deeper than 8 levels"));
}

TEST(Limits, DatasetManifestValues) {  // the list itself is one of them
  EXPECT_THAT(refusal("[" + times("1,", 599'998) + "1]"), HasSubstr(kNoManifest));
  EXPECT_THAT(refusal("[" + times("1,", 599'999) + "1]"), HasSubstr("more than 600000 values"));
}

}  // namespace
}  // namespace weft::data
