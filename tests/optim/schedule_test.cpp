// Schedules against Hugging Face's and at their edges.
#include "optim/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/strict_json.h"

namespace weft::optim {
namespace {

constexpr double kBase = 1e-3;

struct Case {
  const char* name;
  ScheduleOptions options;
};

const Case kCases[] = {
    {"constant", {.kind = ScheduleKind::kConstant}},
    {"constant_with_warmup", {.kind = ScheduleKind::kConstant, .warmup_steps = 10}},
    {"linear", {.kind = ScheduleKind::kLinear, .warmup_steps = 10, .total_steps = 100}},
    {"cosine", {.kind = ScheduleKind::kCosine, .warmup_steps = 10, .total_steps = 100}},
    {"cosine_with_min_lr",
     {.kind = ScheduleKind::kCosine, .warmup_steps = 10, .total_steps = 100, .min_lr_ratio = 0.1}},
    {"inverse_sqrt", {.kind = ScheduleKind::kInverseSqrt, .warmup_steps = 10}},
    {"inverse_sqrt_timescale",
     {.kind = ScheduleKind::kInverseSqrt, .warmup_steps = 10, .timescale = 25}},
    {"warmup_stable_decay",
     {.kind = ScheduleKind::kWsd,
      .warmup_steps = 10,
      .total_steps = 100,
      .min_lr_ratio = 0.1,
      .decay_steps = 30}},
    {"warmup_stable_decay_linear",
     {.kind = ScheduleKind::kWsd,
      .warmup_steps = 10,
      .total_steps = 80,
      .decay_steps = 30,
      .decay = DecayForm::kLinear}},
    {"warmup_stable_decay_1-sqrt",
     {.kind = ScheduleKind::kWsd,
      .warmup_steps = 10,
      .total_steps = 80,
      .decay_steps = 30,
      .decay = DecayForm::kSqrt}}};

TEST(Schedules, AreThoseOfHuggingFace) {
  const char* root = std::getenv("WEFT_GOLDEN");
  const Path file = Path(root == nullptr ? "" : root) / "models/schedules/golden.json";
  // The values are made with transformers and kept apart from the project.
  if (root == nullptr || real_file_system().status(file).kind != FileKind::kFile)
    GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
  const auto golden = read_json_file(file).at("schedules");
  for (const Case& c : kCases) {
    ScheduleOptions options = c.options;
    options.learning_rate = kBase;
    const auto rates = golden.at(c.name).at("lr").get<std::vector<double>>();
    ASSERT_EQ(rates.size(), 101u);
    for (size_t step = 0; step < rates.size(); ++step) {
      const double rate = learning_rate(options, static_cast<int64_t>(step));
      EXPECT_LE(std::abs(rate - rates[step]), 1e-9 * kBase) << c.name << " at step " << step;
    }
  }
}

TEST(Schedules, EndAtTheirFloorAndStayThere) {
  for (const ScheduleKind kind :
       {ScheduleKind::kLinear, ScheduleKind::kCosine, ScheduleKind::kWsd}) {
    const ScheduleOptions options{.kind = kind,
                                  .learning_rate = kBase,
                                  .warmup_steps = 2,
                                  .total_steps = 20,
                                  .min_lr_ratio = 0.25,
                                  .decay_steps = 5};
    for (const int64_t step : {int64_t{20}, int64_t{21}, int64_t{1} << 40})
      EXPECT_LE(std::abs(learning_rate(options, step) - 0.25 * kBase), 1e-12) << name_of(kind);
  }
}

TEST(Schedules, AreFiniteAtEverySize) {
  for (const ScheduleKind kind : values_of(ScheduleKind{}))
    for (const int64_t total : {0, 1, 2, 5})
      for (const int64_t warmup : {0, 1, 2, 5})
        for (int64_t step = 0; step < 8; ++step) {
          const double rate = learning_rate({.kind = kind,
                                             .learning_rate = kBase,
                                             .warmup_steps = warmup,
                                             .total_steps = total,
                                             .decay_steps = 1},
                                            step);
          EXPECT_TRUE(rate >= 0 && rate <= kBase)
              << name_of(kind) << " " << total << " " << warmup << " " << step << ": " << rate;
        }
}

}  // namespace
}  // namespace weft::optim
