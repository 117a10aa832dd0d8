// Series and axes: no spike and no NaN is lost by drawing fewer points, and ticks are round.
#include "report/series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace weft::report {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Series line(size_t points) {
  Series series{.name = "line", .x = {}, .y = {}};
  for (size_t i = 0; i < points; ++i) {
    series.x.push_back(static_cast<double>(i));
    series.y.push_back(std::sin(static_cast<double>(i) * 0.01));
  }
  return series;
}

TEST(SeriesOf, TakesTheStepsThatHaveTheValue) {
  const std::vector<LogRecord> records{{.step = 1, .loss = 3, .memory_bytes = 10},
                                       {.step = 1, .eval_loss = 4},
                                       {.step = 2, .loss = kNan}};
  const Series loss = series_of(records, "loss");
  EXPECT_THAT(loss.x, ElementsAre(1, 2));
  EXPECT_EQ(loss.y[0], 3);
  EXPECT_TRUE(std::isnan(loss.y[1]));
  EXPECT_THAT(series_of(records, "memory_bytes").y, ElementsAre(10));
  EXPECT_THAT(series_of(records, "grad_norm").x, IsEmpty());
}

TEST(Downsampled, ShortSeriesStayAsTheyAre) {
  const Series series = line(8);
  EXPECT_EQ(downsampled(series, 8).y, series.y);
  EXPECT_THAT(downsampled(Series{}, 8).y, IsEmpty());
}

TEST(Downsampled, KeepsEverySpikeWhereverItIs) {
  for (size_t at = 0; at < 5000; at += 37) {
    Series series = line(5000);
    series.y[at] = 100;
    series.y[(at + 2500) % 5000] = -100;
    const Series small = downsampled(series, 200);
    EXPECT_LE(small.y.size(), 200u);
    EXPECT_EQ(finite_range(small.y).high, 100) << at;
    EXPECT_EQ(finite_range(small.y).low, -100) << at;
    EXPECT_TRUE(std::is_sorted(small.x.begin(), small.x.end()));
    EXPECT_EQ(small.x.front(), 0);
    EXPECT_EQ(small.x.back(), 4999);
  }
}

TEST(Downsampled, KeepsNanAndStaysWithinTheLimit) {
  for (size_t at = 0; at < 5000; at += 101) {
    Series series = line(5000);
    series.y[at] = kNan;
    series.y[(at + 7) % 5000] = 50;
    const Series small = downsampled(series, 300);
    EXPECT_LE(small.y.size(), 300u);
    EXPECT_EQ(count_not_finite(small.y), 1u);
    EXPECT_EQ(finite_range(small.y).high, 50);
  }
}

TEST(Downsampled, AllNan) {
  Series series = line(1000);
  std::fill(series.y.begin(), series.y.end(), kNan);
  const Series small = downsampled(series, 8);
  EXPECT_LE(small.y.size(), 8u);
  EXPECT_EQ(count_not_finite(small.y), small.y.size());
}

TEST(Smoothed, LinesStayLinesToTheEnds) {
  const std::vector<double> line{9, 8, 7, 6, 5, 4, 3};
  EXPECT_EQ(smoothed(line, 2), line);
  EXPECT_EQ(smoothed(line, 100), line);
  EXPECT_EQ(smoothed(line, 0), line);
  EXPECT_THAT(smoothed({}, 3), IsEmpty());
}

TEST(Smoothed, AveragesNeighbours) {
  EXPECT_THAT(smoothed(std::vector<double>{1, 4, 1, 4, 1}, 1), ElementsAre(1, 2, 3, 2, 1));
}

TEST(Smoothed, NanStaysInItsPlaceAndDoesNotSpread) {
  const auto result = smoothed(std::vector<double>{1, kNan, 3, kInf, 5}, 2);
  EXPECT_TRUE(std::isnan(result[1]));
  EXPECT_EQ(result[2], 3);
  EXPECT_EQ(result[3], kInf);
}

TEST(MakeAxis, RoundNumbersInsideTheRange) {
  const Axis axis = make_axis({.low = 2.93, .high = 8.31}, 6);
  EXPECT_THAT(axis.texts, ElementsAre("3", "4", "5", "6", "7", "8"));
  EXPECT_EQ(axis.share(2.93), 0);
  EXPECT_EQ(axis.share(8.31), 1);
}

TEST(MakeAxis, TextsAreEquallyPreciseAndShort) {
  EXPECT_THAT(make_axis({0, 1}, 5).texts, ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1.0"));
  EXPECT_THAT(make_axis({0, 40000}, 4).texts, ElementsAre("0", "10k", "20k", "30k", "40k"));
  EXPECT_THAT(make_axis({0, 2.5e6}, 5).texts,
              ElementsAre("0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M"));
  EXPECT_THAT(make_axis({1e-4, 3e-4}, 4).texts,
              ElementsAre("1.0e-04", "1.5e-04", "2.0e-04", "2.5e-04", "3.0e-04"));
  EXPECT_THAT(make_axis({-1, 1}, 4).texts, ElementsAre("-1.0", "-0.5", "0", "0.5", "1.0"));
}

TEST(MakeAxis, EveryRangeHasDistinctTicksInsideIt) {
  const std::vector<double> values{-1e308, -7.5, -1e-3,  0,    4.9e-324, 1e-300, 3e-9,
                                   0.02,   1,    1.0001, 12.5, 1e6,      3e15,   1e308};
  for (const double low : values) {
    for (const double high : values) {
      if (low > high) continue;
      for (const int ticks : {2, 5, 10}) {
        const Axis axis = make_axis({low, high}, ticks);
        EXPECT_LT(axis.low, axis.high);
        EXPECT_EQ(axis.ticks.size(), axis.texts.size());
        EXPECT_GE(axis.ticks.size(), 1u) << low << " " << high << " " << ticks;
        EXPECT_LE(axis.ticks.size(), static_cast<size_t>(ticks) + 1);
        for (size_t i = 1; i < axis.texts.size(); ++i) {
          EXPECT_NE(axis.texts[i - 1], axis.texts[i]) << low << " " << high;
        }
      }
    }
  }
}

TEST(MakeAxis, OneValueIsWidened) {
  const Axis axis = make_axis({5, 5}, 4);
  EXPECT_LT(axis.low, 5);
  EXPECT_GT(axis.high, 5);
  EXPECT_LT(make_axis({0, 0}, 4).low, 0);
}

}  // namespace
}  // namespace weft::report
