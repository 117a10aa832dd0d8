// The curve of 50 losses that training makes of a reference model's batch: on the CPU and on a
// device, whose sums have other orders.
//
// Tolerance. What rounding does to a curve is measured: on the CPU, weights are changed by random
// parts of up to u of their size before the first step, and the change of each loss is taken. An
// order of sums changes a result of K terms by a random walk of K roundings, each of up to 2^-24 of
// a partial sum, in every one of the R results that lie one behind another in a step: u = 2^-24
// sqrt(K R), of which the weights get as much as all results of the first step together. Later
// steps add their own, independent: after n steps sqrt(n) times as much. Of kDraws draws the
// largest change of any loss so far is taken, twice as much is allowed. (What a curve allows grows
// as errors do, along it; a wrong sign, mask or moment shows in the first steps.)
#include <gtest/gtest.h>

#include <cmath>

#include "decoder_run.h"
#include "weft/philox.h"

namespace weft::test {
namespace {

constexpr int kSteps = 50, kDraws = 4;
constexpr double kTerms = 128, kResults = 48;  // the longest sums; two blocks, there and back

std::vector<double> curve_of(train::Session& session, const GoldenCase& golden) {
  std::vector<double> losses;
  for (int i = 0; i < kSteps; ++i) losses.push_back(step(session, golden).loss);
  return losses;
}

void perturb(train::Session& session, uint64_t draw, double size) {
  for (const auto& entry : session.parameters()) {
    const uint64_t key = random_key(draw, entry.name);
    for (int64_t i = 0; i < entry.tensor.type.shape.elements(); ++i) {
      const double part =
          2 * static_cast<double>(uniform_from(philox(key, static_cast<uint64_t>(i))[0])) - 1;
      float& value = entry.tensor.as<float>()[i];
      value = static_cast<float>(static_cast<double>(value) * (1 + part * size));
    }
  }
  session.parameters_changed();
}

// By step: what losses may differ by.
std::vector<double> allowed(const GoldenCase& golden, const std::vector<double>& expected) {
  const double size = 0x1p-24 * std::sqrt(kTerms * kResults);
  std::vector<double> result(expected.size(), 0.0);
  for (uint64_t draw = 0; draw < kDraws; ++draw) {
    const auto session = training_session(golden);
    perturb(*session, draw, size);
    const std::vector<double> losses = curve_of(*session, golden);
    for (size_t i = 0; i < losses.size(); ++i)
      result[i] = std::fmax(result[i], std::abs(losses[i] - expected[i]));
  }
  double largest = 0x1p-24 * expected[0];  // the loss itself is rounded
  for (size_t i = 0; i < result.size(); ++i) {
    largest = std::fmax(largest, result[i]);
    result[i] = 2 * largest * std::sqrt(static_cast<double>(i + 1));
  }
  return result;
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
  const std::vector<double> limits = allowed(golden, expected);
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
