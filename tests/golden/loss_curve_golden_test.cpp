// The curve of 50 losses that training makes of a reference model's batch: on the CPU and on a
// device, whose sums have other orders. How far they may be apart: tests/device_run/loss_curve.h. A
// small model's curve is in tests/device_run.
#include <gtest/gtest.h>

#include <cmath>

#include "decoder_run.h"
#include "tests/device_run/loss_curve.h"

namespace weft::test {
namespace {

constexpr int kSteps = 50;
constexpr CurveSums kSums{.terms = 128, .results = 48};  // two blocks, there and back

std::vector<double> curve_of(train::Session& session, const GoldenCase& golden) {
  std::vector<double> losses;
  for (int i = 0; i < kSteps; ++i) losses.push_back(step(session, golden).loss);
  return losses;
}

class LossCurve : public testing::TestWithParam<std::string> {};

TEST_P(LossCurve, OnADeviceIsThatOfTheCpu) {
  if (!may_take_long()) GTEST_SKIP() << "takes minutes; set WEFT_LONG";
  const auto folder = golden_folder(GetParam());
  if (!folder) GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
  const GoldenCase golden(*folder);
  const std::vector<double> expected = curve_of(*training_session(golden), golden);
  const std::vector<double> actual =
      curve_of(*training_session(golden, {.on_device = true}), golden);
  const std::vector<double> limits = allowed_differences(expected, [&](uint64_t draw) {
    const auto session = training_session(golden);
    perturb(*session, draw, kSums);
    return curve_of(*session, golden);
  });
  EXPECT_LT(expected.back(), expected.front() - 0.5);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_LE(std::abs(actual[i] - expected[i]), limits[i])
        << "step " << i << ": " << actual[i] << ", on the CPU " << expected[i];
  EXPECT_LE(limits.back(), 1e-2) << "of losses around 3: wide enough to hide a mistake";
}

INSTANTIATE_TEST_SUITE_P(Models, LossCurve, testing::Values("gpt2", "llama"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace weft::test
