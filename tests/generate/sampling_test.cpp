// Logits processors against Hugging Face's golden values and by hand, and the draw of a token.
#include "generate/sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "golden_file.h"
#include "weft/error.h"

namespace weft::generate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<double> softmax(const std::vector<float>& logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  std::vector<double> result;
  for (const float logit : logits) result.push_back(std::exp(logit - largest) / sum);
  return result;
}

std::vector<float> log_of(std::vector<float> probabilities) {
  for (float& p : probabilities) p = std::log(p);
  return probabilities;
}

std::vector<bool> kept(const std::vector<float>& logits) {
  std::vector<bool> result;
  for (const float logit : logits) result.push_back(logit != -kInf);
  return result;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

using Filter = std::function<void(std::span<float>, std::span<const int32_t>)>;

void expect_golden(const std::string& name, const Filter& filter) {
  const auto folder = golden_models();
  // The values are made with transformers and kept apart from the project.
  if (!folder) GTEST_SKIP() << "no golden values: WEFT_GOLDEN is not set to their folder";
  const GoldenFile golden(*folder + "/generation/sampling.safetensors");
  const std::vector<float> logits = golden.read<float>("logits");
  const std::vector<float> expected = golden.read<float>("probs." + name);
  const int64_t rows = golden.shape("logits").at(0), width = golden.shape("logits").at(1);
  ASSERT_EQ(rows, 3);
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<float> mine(logits.begin() + row * width, logits.begin() + (row + 1) * width);
    filter(mine, golden.tokens("input_ids", row));
    const std::vector<double> probabilities = softmax(mine);
    for (int64_t i = 0; i < width; ++i) {
      const double want = expected[static_cast<size_t>(row * width + i)];
      EXPECT_LE(std::abs(probabilities[static_cast<size_t>(i)] - want), 1e-6) << row << " " << i;
      EXPECT_EQ(probabilities[static_cast<size_t>(i)] == 0, want == 0) << row << " " << i;
    }
  }
}

TEST(SamplingGolden, RepetitionPenalty) {
  expect_golden("repetition_penalty",
                [](auto logits, auto history) { apply_repetition_penalty(logits, history, 1.3); });
}
TEST(SamplingGolden, Temperature) {
  expect_golden("temperature", [](auto logits, auto) { apply_temperature(logits, 0.7); });
}
TEST(SamplingGolden, TopK) {
  expect_golden("top_k", [](auto logits, auto) { apply_top_k(logits, 5); });
}
TEST(SamplingGolden, TopP) {
  expect_golden("top_p", [](auto logits, auto) { apply_top_p(logits, 0.8); });
}
TEST(SamplingGolden, MinP) {
  expect_golden("min_p", [](auto logits, auto) { apply_min_p(logits, 0.1); });
}
TEST(SamplingGolden, AllInOrder) {
  expect_golden("all", [](auto logits, auto history) {
    const SamplingOptions options{
        .temperature = 0.7, .top_k = 5, .top_p = 0.8, .min_p = 0.1, .repetition_penalty = 1.3};
    choose_token(logits, history, options, Draw{});  // leaves the filtered logits behind
  });
}

TEST(RepetitionPenalty, CountsATokenOnceAndIgnoresIdsBeyondTheHead) {
  std::vector<float> logits{2, -2, 3, 0};
  apply_repetition_penalty(logits, std::vector<int32_t>{0, 0, 1, 0, 3, 4, 1000}, 2.0);
  EXPECT_THAT(logits, ElementsAre(1.0f, -4.0f, 3.0f, 0.0f));
}

TEST(RepetitionPenalty, EmptyHistoryChangesNothing) {
  std::vector<float> logits{1, 2};
  apply_repetition_penalty(logits, {}, 5.0);
  EXPECT_THAT(logits, ElementsAre(1.0f, 2.0f));
}

TEST(Temperature, TinyOneDoesNotOverflow) {
  std::vector<float> logits{1, 3, 2.5f};
  apply_temperature(logits, 1e-300);
  EXPECT_THAT(logits, ElementsAre(-kInf, 0.0f, -kInf));
  EXPECT_EQ(sample_token(logits, Draw{}), 1);
}

TEST(TopK, KeepsTiesOfTheKthAndAllWhenKIsLarge) {
  std::vector<float> logits{1, 5, 3, 3, 0};
  apply_top_k(logits, 2);
  EXPECT_THAT(kept(logits), ElementsAre(false, true, true, true, false));
  std::vector<float> two{1, 2};
  apply_top_k(two, 7);
  EXPECT_THAT(kept(two), ElementsAre(true, true));
  apply_top_k(two, 1);
  EXPECT_THAT(kept(two), ElementsAre(false, true));
}

TEST(TopP, KeepsTheTokenThatCrossesAndStopsExactlyAtTheSum) {
  std::vector<float> crossing = log_of({0.125f, 0.5f, 0.25f, 0.125f});
  apply_top_p(crossing, 0.6);
  EXPECT_THAT(kept(crossing), ElementsAre(false, true, true, false));
  std::vector<float> exact = log_of({0.25f, 0.5f, 0.25f});
  apply_top_p(exact, 0.5);
  EXPECT_THAT(kept(exact), ElementsAre(false, true, false));
}

TEST(TopP, ZeroKeepsTheBestAndTiesPreferLowIds) {
  std::vector<float> logits{1, 2, 2};
  apply_top_p(logits, 0.0);
  EXPECT_THAT(kept(logits), ElementsAre(false, true, false));
  std::vector<float> equal{1, 1, 1, 1};
  apply_top_p(equal, 0.5);
  EXPECT_THAT(kept(equal), ElementsAre(true, true, false, false));
}

TEST(TopP, SeesOnlyWhatEarlierFiltersLeft) {
  std::vector<float> logits = log_of({0.4f, 0.3f, 0.3f});
  logits[1] = -kInf;
  apply_top_p(logits, 0.55);  // of the rest, token 0 has 0.4 / 0.7 = 0.571
  EXPECT_THAT(kept(logits), ElementsAre(true, false, false));
}

TEST(MinP, KeepsTheShareItselfAndAlwaysTheBest) {
  std::vector<float> logits{0, -1, -2};
  apply_min_p(logits, std::exp(-1.0));
  EXPECT_THAT(kept(logits), ElementsAre(true, true, false));
  apply_min_p(logits, 1.0);
  EXPECT_THAT(kept(logits), ElementsAre(true, false, false));
}

TEST(GreedyToken, TakesTheLowestIdOfTheBest) {
  EXPECT_EQ(greedy_token(std::vector<float>{-1, 4, 4, 2}), 1);
  EXPECT_EQ(greedy_token(std::vector<float>{-3}), 0);
}

TEST(GreedyToken, RefusesWhatHasNoSoftmax) {
  EXPECT_THAT(message_of([] {
                greedy_token(std::vector<float>{1, kNan});
              }),
              HasSubstr("logit of token 1 is NaN"));
  EXPECT_THAT(message_of([] {
                greedy_token(std::vector<float>{kInf, 1});
              }),
              HasSubstr("logit of token 0 is infinite"));
  EXPECT_THAT(message_of([] {
                greedy_token(std::vector<float>{-kInf, -kInf});
              }),
              HasSubstr("every token is ruled out (2 logits"));
  EXPECT_THAT(message_of([] { greedy_token({}); }), HasSubstr("0 logits"));
}

TEST(ChooseToken, EveryFilterRefusesNan) {
  for (const SamplingOptions& options :
       {SamplingOptions{.temperature = 0}, SamplingOptions{.temperature = 0.5},
        SamplingOptions{.top_k = 1}, SamplingOptions{.top_p = 0.5}, SamplingOptions{.min_p = 0.5},
        SamplingOptions{}}) {
    std::vector<float> logits{1, kNan, 2};
    EXPECT_THAT(message_of([&] { choose_token(logits, {}, options, Draw{}); }), HasSubstr("NaN"));
  }
}

TEST(SampleToken, FrequenciesFollowTheProbabilities) {
  const std::vector<float> logits = log_of({0.5f, 0.0f, 0.3f, 0.2f});
  std::vector<int> counts(4);
  const int draws = 20000;
  for (int i = 0; i < draws; ++i) {
    const Draw draw{.seed = 7, .sequence = 3, .position = static_cast<uint64_t>(i)};
    ++counts[static_cast<size_t>(sample_token(logits, draw))];
  }
  EXPECT_EQ(counts[1], 0);  // ruled out: never drawn
  const double five_deviations = 5 * std::sqrt(draws * 0.25);
  EXPECT_LE(std::abs(counts[0] - 0.5 * draws), five_deviations);
  EXPECT_LE(std::abs(counts[2] - 0.3 * draws), five_deviations);
  EXPECT_LE(std::abs(counts[3] - 0.2 * draws), five_deviations);
}

TEST(SampleToken, DependsOnSeedSequenceAndPositionOnly) {
  const std::vector<float> logits(1000, 0.0f);
  const Draw draw{.seed = 1, .sequence = 2, .position = 3};
  const int32_t token = sample_token(logits, draw);
  EXPECT_EQ(token, sample_token(logits, draw));
  EXPECT_NE(token, sample_token(logits, Draw{.seed = 2, .sequence = 2, .position = 3}));
  EXPECT_NE(token, sample_token(logits, Draw{.seed = 1, .sequence = 3, .position = 3}));
  EXPECT_NE(token, sample_token(logits, Draw{.seed = 1, .sequence = 2, .position = 4}));
}

TEST(SamplingOptions, OutOfRangeNamesTheOptionTheValueAndTheRange) {
  EXPECT_EQ(message_of([] { check({.temperature = -1}); }),
            "temperature is -1; allowed is a number of at least 0");
  EXPECT_EQ(message_of([] { check({.top_p = 1.5}); }),
            "top_p is 1.5; allowed is a number of at least 0 and at most 1");
  EXPECT_EQ(message_of([] { check({.repetition_penalty = 0}); }),
            "repetition_penalty is 0; allowed is a number above 0");
  EXPECT_THAT(message_of([] { check({.min_p = kNan}); }), HasSubstr("min_p is nan"));
  EXPECT_THAT(message_of([] { check({.top_k = -3}); }), HasSubstr("top_k is -3"));
  EXPECT_THAT(message_of([] { check({.temperature = kInf}); }), HasSubstr("temperature is inf"));
  EXPECT_EQ(message_of([] { check({}); }), "");
}

}  // namespace
}  // namespace weft::generate
