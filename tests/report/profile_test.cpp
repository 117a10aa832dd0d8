// Profile tables and traces: sums, the roof, and JSON that a strict parser takes.
#include "report/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace weft::report {
namespace {

using ::testing::HasSubstr;

constexpr Roof kRoof{.flops_per_second = 100e9, .bytes_per_second = 10e9};

std::vector<OperatorProfile> step() {
  return {
      {.name = "norm", .seconds = 0.25, .flops = 1e9, .bytes = 2e9, .roof = kRoof},
      {.name = "linear", .calls = 24, .seconds = 0.5, .flops = 40e9, .bytes = 1e9, .roof = kRoof},
      {.name = "norm", .seconds = 0.25, .flops = 1e9, .bytes = 0.5e9, .roof = kRoof}};
}

std::vector<std::vector<std::string>> cells(const std::string& table) {
  std::vector<std::vector<std::string>> lines;
  std::istringstream in(table);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    lines.emplace_back(std::istream_iterator<std::string>(words),
                       std::istream_iterator<std::string>());
  }
  return lines;
}

TEST(ShareOfRoof, IsArithmeticOrMemoryWhicheverIsLonger) {
  EXPECT_DOUBLE_EQ(share_of_roof(step()[0]), 0.8);  // 2 GB at 10 GB/s in 0.25 s
  EXPECT_DOUBLE_EQ(share_of_roof(step()[1]), 0.8);  // 40 Gflop at 100 Gflop/s in 0.5 s
}

TEST(ShareOfRoof, IsNanWhereTimeOrRoofIsUnknown) {
  EXPECT_TRUE(std::isnan(share_of_roof({.name = "a", .seconds = 1, .flops = 1})));
  EXPECT_TRUE(std::isnan(share_of_roof({.name = "a", .seconds = 0, .flops = 1, .roof = kRoof})));
  const OperatorProfile copy{
      .name = "a", .seconds = 1, .bytes = 5, .roof = {.bytes_per_second = 10}};
  EXPECT_DOUBLE_EQ(share_of_roof(copy), 0.5);  // no arithmetic, so its roof is not needed
}

TEST(ByName, SumsRowsAndTheirLeastTimes) {
  const auto rows = by_name(step());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "norm");
  EXPECT_EQ(rows[0].calls, 2);
  EXPECT_DOUBLE_EQ(rows[0].seconds, 0.5);
  EXPECT_DOUBLE_EQ(rows[0].bytes, 2.5e9);
  EXPECT_DOUBLE_EQ(share_of_roof(rows[0]), 0.25 / 0.5);  // least times 0.2 and 0.05
  EXPECT_EQ(rows[1].calls, 24);
  EXPECT_TRUE(by_name({}).empty());
}

TEST(ProfileTable, SlowestFirstWithTotal) {
  EXPECT_EQ(profile_table(by_name(step())),
            "operator  calls    time   share   Gflop     GB  Gflop/s  GB/s  of roof\n"
            "norm          2  500 ms   50.0%   2.000  2.500      4.0   5.0    50.0%\n"
            "linear       24  500 ms   50.0%  40.000  1.000     80.0   2.0    80.0%\n"
            "total        26  1.00 s  100.0%  42.000  3.500     42.0   3.5    65.0%\n");
}

TEST(ProfileTable, LimitSumsUpTheRest) {
  const auto lines = cells(profile_table(step(), 1));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[1][0], "linear");
  EXPECT_THAT(lines[2], ::testing::ElementsAre("(2", "others)", "2", "500", "ms", "50.0%", "2.000",
                                               "2.500", "4.0", "5.0", "50.0%"));
  EXPECT_EQ(lines[3][0], "total");
}

TEST(ProfileTable, UnknownIsADashAndNothingIsATable) {
  const std::vector<OperatorProfile> rows{{.name = "a\n", .seconds = 0}};
  const auto lines = cells(profile_table(rows));
  EXPECT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1][0], "a\\x0a");
  EXPECT_EQ(lines[1].back(), "-");
  EXPECT_EQ(cells(profile_table({})).size(), 2u);
}

TEST(ChromeTrace, IsStrictJsonWithEveryEvent) {
  const std::vector<TraceEvent> events{{.name = "linear \"q\"",
                                        .category = "gemm",
                                        .start_seconds = 0.5,
                                        .seconds = 1e-3,
                                        .thread = 1,
                                        .flops = 2e9,
                                        .bytes = 1e6},
                                       {.name = "\xFF\n", .start_seconds = 1e-9}};
  const std::vector<std::string> threads{"main", "worker 1"};
  const auto trace = nlohmann::json::parse(chrome_trace(events, threads));
  const auto& all = trace.at("traceEvents");
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].at("args").at("name"), "weft");
  EXPECT_EQ(all[2].at("name"), "thread_name");
  EXPECT_EQ(all[2].at("tid"), 1);
  EXPECT_EQ(all[2].at("args").at("name"), "worker 1");
  EXPECT_EQ(all[3].at("ph"), "X");
  EXPECT_EQ(all[3].at("name"), "linear \"q\"");
  EXPECT_EQ(all[3].at("cat"), "gemm");
  EXPECT_EQ(all[3].at("ts"), 500000);
  EXPECT_EQ(all[3].at("dur"), 1000);
  EXPECT_EQ(all[3].at("args").at("Gflop/s"), 2000);
  EXPECT_DOUBLE_EQ(all[4].at("ts"), 0.001);
  EXPECT_FALSE(all[4].at("args").contains("GB/s"));
}

TEST(ChromeTrace, EmptyIsStillATrace) {
  EXPECT_EQ(nlohmann::json::parse(chrome_trace({}, {})).at("traceEvents").size(), 1u);
}

}  // namespace
}  // namespace weft::report
