// Beam search: against Hugging Face's texts and scores, against exhaustive search, and by hand.
#include "generate/beam_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "generate/sampling.h"
#include "naive_gpt2.h"
#include "weft/error.h"
#include "weft/philox.h"

namespace weft::generate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Tokens = std::vector<int32_t>;
using NextLogits = std::function<std::vector<float>(const Tokens&)>;

std::vector<Hypothesis> search(const Tokens& prompt, const BeamOptions& options,
                               const NextLogits& next, int64_t count) {
  std::vector<float> logits;
  const BeamStep step = [&](const std::vector<Tokens>& sequences, const std::vector<int32_t>&) {
    logits.clear();
    for (const Tokens& sequence : sequences) {
      const std::vector<float> row = next(sequence);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    return std::span<const float>(logits);
  };
  return beam_search(BeamSearch(prompt, options), step, count);
}

// A fixed random next-token distribution for every context.
NextLogits random_model(uint64_t seed, int32_t vocabulary) {
  return [=](const Tokens& tokens) {
    uint64_t key = seed;
    for (const int32_t token : tokens) key = random_key(key, std::to_string(token));
    std::vector<float> logits;
    for (int32_t i = 0; i < vocabulary; ++i) {
      logits.push_back(3 * uniform_from(philox(key, static_cast<uint64_t>(i))[0]));
    }
    return logits;
  };
}

double log_probability(const std::vector<float>& logits, int32_t token) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  return logits[static_cast<size_t>(token)] - std::log(sum);
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// ---- Hugging Face ----

struct GoldenRun {
  const char* key;
  double length_penalty;
  EarlyStopping early_stopping;
  bool eos;
};

void PrintTo(const GoldenRun& run, std::ostream* out) {
  *out << run.key;
}

class BeamSearchGolden : public ::testing::TestWithParam<GoldenRun> {};

// The new tokens of a padded row: up to and with the end token.
Tokens unpadded(const Tokens& row, size_t prompt, const std::vector<int32_t>& eos) {
  Tokens result;
  for (size_t i = prompt; i < row.size(); ++i) {
    result.push_back(row[i]);
    if (!eos.empty() && row[i] == eos[0]) break;
  }
  return result;
}

TEST_P(BeamSearchGolden, SameTextsAndScoresAsTransformers) {
  const auto folder = golden_models();
  // The values are made with transformers and kept apart from the project.
  if (!folder) GTEST_SKIP() << "no golden values: WEFT_GOLDEN is not set to their folder";
  const GoldenRun& run = GetParam();
  const std::string key = run.key;
  const GoldenFile golden(*folder + "/generation/gpt2.safetensors");
  const std::vector<float> scores = golden.read<float>(key + ".scores");
  BeamOptions options{.num_beams = 4,
                      .max_new_tokens = 24,
                      .length_penalty = run.length_penalty,
                      .early_stopping = run.early_stopping};
  if (run.eos) options.eos_tokens = {54};
  NaiveGpt2 model(*folder + "/gpt2");
  for (int64_t row = 0; row < 2; ++row) {
    const Tokens padded = golden.tokens("input_ids", row);
    const Tokens mask = golden.tokens("attention_mask", row);
    Tokens prompt;  // without the padding on its left: positions count the tokens only
    for (size_t i = 0; i < padded.size(); ++i) {
      if (mask[i] != 0) prompt.push_back(padded[i]);
    }
    const auto best = search(
        prompt, options, [&](const Tokens& t) { return model.next_logits(t); }, 4);
    ASSERT_EQ(best.size(), 4u);
    for (int64_t beam = 0; beam < 4; ++beam) {
      const Hypothesis& mine = best[static_cast<size_t>(beam)];
      const Tokens want = golden.tokens(key + ".sequences", row * 4 + beam);
      EXPECT_EQ(mine.tokens, unpadded(want, padded.size(), options.eos_tokens)) << row << beam;
      EXPECT_LE(std::abs(mine.score - scores[static_cast<size_t>(row * 4 + beam)]), 1e-6);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Gpt2, BeamSearchGolden,
    ::testing::Values(GoldenRun{"beam", 1.0, EarlyStopping::kHeuristic, false},
                      GoldenRun{"beam_eos_lp1.0", 1.0, EarlyStopping::kHeuristic, true},
                      GoldenRun{"beam_eos_lp0.6", 0.6, EarlyStopping::kHeuristic, true},
                      GoldenRun{"beam_eos_lp2.0", 2.0, EarlyStopping::kHeuristic, true},
                      GoldenRun{"beam_eos_lp1.0_early", 1.0, EarlyStopping::kFirst, true}),
    [](const auto& test) {
      std::string name = test.param.key;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

TEST(GreedyGolden, SameTextAndLogitsAsTransformers) {
  const auto folder = golden_models();
  // The values are made with transformers and kept apart from the project.
  if (!folder) GTEST_SKIP() << "no golden values: WEFT_GOLDEN is not set to their folder";
  const GoldenFile golden(*folder + "/generation/gpt2.safetensors");
  NaiveGpt2 model(*folder + "/gpt2");
  Tokens tokens = golden.tokens("input_ids", 0);
  const Tokens want = golden.tokens("greedy.sequences", 0);
  while (tokens.size() < want.size()) tokens.push_back(greedy_token(model.next_logits(tokens)));
  EXPECT_EQ(tokens, want);
}

// ---- Against exhaustive search ----

struct Exhaustive {
  NextLogits next;
  int32_t vocabulary = 0, eos = 0;
  size_t max_new = 0;
  double length_penalty = 1;
  Hypothesis best{.tokens = {}, .score = -std::numeric_limits<double>::infinity()};

  void visit(const Tokens& prompt, const Tokens& text, double sum) {
    const bool ended = !text.empty() && (text.back() == eos || text.size() == max_new);
    if (ended) {
      const double score = sum / std::pow(static_cast<double>(text.size()), length_penalty);
      if (score > best.score) best = {.tokens = text, .score = score};
      return;
    }
    Tokens context = prompt;
    context.insert(context.end(), text.begin(), text.end());
    const std::vector<float> logits = next(context);
    for (int32_t token = 0; token < vocabulary; ++token) {
      Tokens longer = text;
      longer.push_back(token);
      visit(prompt, longer, sum + log_probability(logits, token));
    }
  }
};

TEST(BeamSearch, WithEnoughBeamsFindsTheBestOfAllTexts) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const double penalty : {0.0, 0.7, 1.0, 2.0}) {
      const NextLogits next = random_model(seed, 4);
      Exhaustive all{
          .next = next, .vocabulary = 4, .eos = 2, .max_new = 4, .length_penalty = penalty};
      all.visit({1}, {}, 0);
      const BeamOptions options{.num_beams = 64,
                                .max_new_tokens = 4,
                                .length_penalty = penalty,
                                .early_stopping = EarlyStopping::kNever,
                                .eos_tokens = {2}};
      const auto best = search({1}, options, next, 1);
      ASSERT_EQ(best.size(), 1u);
      EXPECT_EQ(best[0].tokens, all.best.tokens) << seed << " " << penalty;
      EXPECT_LE(std::abs(best[0].score - all.best.score), 1e-6);
    }
  }
}

TEST(BeamSearch, OneBeamWithoutEndTokenIsGreedy) {
  const NextLogits next = random_model(5, 11);
  const auto best = search({3}, {.num_beams = 1, .max_new_tokens = 9}, next, 1);
  Tokens greedy{3};
  for (int i = 0; i < 9; ++i) greedy.push_back(greedy_token(next(greedy)));
  ASSERT_EQ(best.size(), 1u);
  EXPECT_EQ(best[0].tokens, Tokens(greedy.begin() + 1, greedy.end()));
}

TEST(BeamSearch, ScoresAreSortedAndAreWhatTheTextsAreWorth) {
  const NextLogits next = random_model(9, 13);
  const BeamOptions options{
      .num_beams = 5, .max_new_tokens = 7, .length_penalty = 0.8, .eos_tokens = {0, 4}};
  const auto best = search({1, 2}, options, next, 5);
  ASSERT_EQ(best.size(), 5u);
  for (size_t i = 0; i < best.size(); ++i) {
    EXPECT_LE(best[i].score, best[i == 0 ? 0 : i - 1].score);
    Tokens context{1, 2};
    double sum = 0;
    for (const int32_t token : best[i].tokens) {
      sum += log_probability(next(context), token);
      context.push_back(token);
    }
    const double length = static_cast<double>(best[i].tokens.size());
    EXPECT_LE(std::abs(best[i].score - sum / std::pow(length, 0.8)), 1e-6);
    for (size_t t = 0; t + 1 < best[i].tokens.size(); ++t) {
      EXPECT_TRUE(best[i].tokens[t] != 0 && best[i].tokens[t] != 4) << "goes on after the end";
    }
  }
}

TEST(BeamSearch, ParentsSayWhichBeamEachOneContinues) {
  const NextLogits next = random_model(3, 6);
  BeamSearch beams({1}, {.num_beams = 3, .max_new_tokens = 6});
  while (!beams.done()) {
    const std::vector<Tokens> before = beams.sequences();
    std::vector<float> logits;
    for (const Tokens& sequence : before) {
      const std::vector<float> row = next(sequence);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    beams.advance(logits);
    for (size_t i = 0; i < 3; ++i) {
      Tokens without_last = beams.sequences()[i];
      without_last.pop_back();
      EXPECT_EQ(without_last, before.at(static_cast<size_t>(beams.parents()[i])));
    }
  }
}

// ---- By hand ----

// "0" always ends; "1" goes on. Ending at once is likely, going on is nearly free afterwards.
std::vector<float> patient(const Tokens& tokens) {
  const float end = tokens.size() == 1 ? 0.6f : 0.01f;
  return {std::log(end), std::log(1 - end)};
}

TEST(BeamSearch, EarlyStoppingFirstTakesTheShortTextAndNeverFindsTheLongOne) {
  BeamOptions options{.num_beams = 1, .max_new_tokens = 8, .eos_tokens = {0}};
  options.early_stopping = EarlyStopping::kFirst;
  EXPECT_THAT(search({5}, options, patient, 1)[0].tokens, ElementsAre(0));
  options.early_stopping = EarlyStopping::kNever;
  EXPECT_THAT(search({5}, options, patient, 1)[0].tokens, ElementsAre(1, 1, 1, 1, 1, 1, 1, 1));
}

TEST(BeamSearch, StopRuleEndsATextWhichStaysInTheResult) {
  const NextLogits next = random_model(2, 5);
  BeamSearch beams({1}, {.num_beams = 2, .max_new_tokens = 10},
                   [](std::span<const int32_t> sequence) { return sequence.size() == 4; });
  int steps = 0;
  while (!beams.done()) {
    std::vector<float> logits;
    for (const Tokens& sequence : beams.sequences()) {
      const std::vector<float> row = next(sequence);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    beams.advance(logits);
    ++steps;
  }
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(beams.best(2)[0].tokens.size(), 3u);
}

TEST(BeamSearch, RepetitionPenaltyWorksOnLogProbabilities) {
  // Token 0 is in the prompt; its log probability -0.51 doubles to -1.02, below token 1's -0.92.
  const NextLogits next = [](const Tokens&) {
    return std::vector<float>{std::log(0.6f), std::log(0.4f)};
  };
  BeamOptions options{.num_beams = 1, .max_new_tokens = 1};
  EXPECT_THAT(search({0}, options, next, 1)[0].tokens, ElementsAre(0));
  options.repetition_penalty = 2.0;
  const auto best = search({0}, options, next, 1);
  EXPECT_THAT(best[0].tokens, ElementsAre(1));
  EXPECT_LE(std::abs(best[0].score - std::log(0.4)), 1e-6);
}

TEST(BeamSearch, FewerTextsThanBeamsGivesOnlyRealOnes) {
  const auto best = search({1}, {.num_beams = 4, .max_new_tokens = 1}, random_model(1, 3), 4);
  ASSERT_EQ(best.size(), 3u);
  EXPECT_GT(best[2].score, -10);
}

TEST(BeamSearch, ErrorsNameWhatIsAllowed) {
  EXPECT_THAT(message_of([] { BeamSearch({1}, {.num_beams = 0}); }),
              HasSubstr("num_beams is 0; allowed is 1 to 1024"));
  EXPECT_THAT(message_of([] { BeamSearch({1}, {.max_new_tokens = 0}); }),
              HasSubstr("max_new_tokens is 0; allowed is 1 or more"));
  EXPECT_THAT(message_of([] { BeamSearch({}, {}); }), HasSubstr("prompt is empty"));
  EXPECT_THAT(message_of([] { BeamSearch({1}, {.num_beams = 2}).best(3); }),
              HasSubstr("num_return_sequences is 3; allowed is 1 to num_beams (2)"));
  EXPECT_THAT(
      message_of([] {
        BeamSearch({1}, {.num_beams = 1, .eos_tokens = {0, 1}}).advance(std::vector{1.f, 2.f});
      }),
      HasSubstr("needs a vocabulary of at least 3; this one has 2"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(message_of([&] {
                BeamSearch({1}, {.num_beams = 1}).advance(std::vector{1.f, nan});
              }),
              HasSubstr("NaN"));
}

}  // namespace
}  // namespace weft::generate
