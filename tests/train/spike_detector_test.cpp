// The spike detector: what it calls a spike, that NaN and outliers do not blind it, and that it is
// silent over 10,000 quiet steps of a real run.
#include "train/spike_detector.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>

#include "core/file_system.h"
#include "train/step_guard.h"

namespace weft::train {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> noise(size_t count, double mean, double deviation, uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<double> values(count);
  for (double& value : values) value = normal(random);
  return values;
}

SpikeDetector filled(const std::vector<double>& values, SpikeDetector::Options options = {}) {
  SpikeDetector detector(options);
  for (const double value : values) detector.add(value);
  return detector;
}

TEST(SpikeDetector, SeesAJumpAndNotTheNoise) {
  const SpikeDetector detector = filled(noise(128, 3.0, 0.05));
  EXPECT_FALSE(detector.is_spike(3.2));
  EXPECT_TRUE(detector.is_spike(4.0));
  EXPECT_FALSE(detector.is_spike(0.1)) << "a fall is no spike";
  EXPECT_LE(std::abs(detector.median() - 3.0), 0.02);
}

TEST(SpikeDetector, SaysNothingBeforeItKnowsTheNoise) {
  SpikeDetector detector({});
  EXPECT_FALSE(detector.is_spike(1e30));
  EXPECT_TRUE(std::isnan(detector.median()));
  for (int i = 0; i < 31; ++i) detector.add(1.0);
  EXPECT_EQ(detector.limit(), kInfinity);
  detector.add(1.0);
  EXPECT_TRUE(detector.is_spike(2.0));
}

TEST(SpikeDetector, KeepsItsSightAfterNaNAndInfinity) {
  SpikeDetector detector = filled(noise(128, 3.0, 0.05));
  const double limit = detector.limit();
  for (const double odd : {std::nan(""), kInfinity, -kInfinity}) {
    EXPECT_FALSE(detector.is_spike(odd)) << "told apart from spikes";
    for (int i = 0; i < 1000; ++i) detector.add(odd);
    EXPECT_EQ(detector.limit(), limit);
  }
  EXPECT_TRUE(detector.is_spike(4.0));
}

TEST(SpikeDetector, AFewOutliersDoNotBlindIt) {
  SpikeDetector detector = filled(noise(128, 3.0, 0.05));
  for (int i = 0; i < 20; ++i) detector.add(100.0);
  EXPECT_TRUE(detector.is_spike(5.0));
}

TEST(SpikeDetector, TakesAnotherLevelForNormalAfterAWhile) {
  SpikeDetector detector = filled(noise(128, 3.0, 0.05));
  for (const double value : noise(128, 6.0, 0.05, 2)) detector.add(value);
  EXPECT_FALSE(detector.is_spike(6.1));
  EXPECT_TRUE(detector.is_spike(8.0));
}

TEST(SpikeDetector, ASmallRiseOfAConstantIsNone) {
  const SpikeDetector detector = filled(std::vector<double>(128, 0.01), {.least_rise = 0.2});
  EXPECT_FALSE(detector.is_spike(0.2));
  EXPECT_TRUE(detector.is_spike(0.22));
}

TEST(SpikeDetector, GoesOnFromWhatItRemembered) {
  const SpikeDetector before = filled(noise(300, 3.0, 0.05));
  EXPECT_EQ(before.values().size(), 128u);
  SpikeDetector after({});
  after.restore(before.values());
  EXPECT_EQ(after.values(), before.values());
  EXPECT_EQ(after.limit(), before.limit());
  std::vector<double> hostile(1000, 1.0);
  hostile[3] = std::nan("");
  after.restore(hostile);
  EXPECT_EQ(after.values().size(), 128u);
  after.forget();
  EXPECT_EQ(after.limit(), kInfinity);
}

// Loss and gradient norm of 10,000 steps of a real run: a character model on Shakespeare's plays,
// from random weights, with warmup, batches of 8 times 64 characters and so a noisy loss.
std::vector<StepResult> quiet_run() {
  const char* source = std::getenv("WEFT_SOURCE");
  std::ifstream file(Path(source == nullptr ? "." : source) / "tests/train/quiet_run.txt");
  std::vector<StepResult> steps;
  for (StepResult step; file >> step.loss >> step.gradient_norm;) steps.push_back(step);
  return steps;
}

TEST(SpikeDetector, IsSilentOverTenThousandQuietSteps) {
  const std::vector<StepResult> steps = quiet_run();
  ASSERT_EQ(steps.size(), 10'000u);
  StepGuard guard(PretrainConfig{});
  for (size_t i = 0; i < steps.size(); ++i)
    EXPECT_TRUE(guard.judge(static_cast<int64_t>(i), steps[i]).warnings.empty()) << "step " << i;
}

// The same run with a NaN every seventh step, and jumps among them: none is missed, none made up.
TEST(SpikeDetector, SeesEveryJumpOfThatRunAmongNaNs) {
  std::vector<StepResult> steps = quiet_run();
  StepGuard guard(PretrainConfig{});
  for (size_t i = 0; i < steps.size(); ++i) {
    const bool is_nan = i % 7 == 3, jumps = !is_nan && i > 100 && i % 501 == 0;
    if (is_nan) steps[i] = {.loss = NAN, .gradient_norm = NAN, .applied = false};
    if (jumps) steps[i].loss += 2.5;
    const Judgment judgment = guard.judge(static_cast<int64_t>(i), steps[i]);
    EXPECT_EQ(judgment.warnings.size(), is_nan || jumps ? 1u : 0u) << "step " << i;
  }
}

}  // namespace
}  // namespace weft::train
