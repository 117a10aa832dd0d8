// Mixtures of data sets: exact at every prefix, any position in constant time, stages that go on.
#include "data/mixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "weft/philox.h"

namespace weft::data {
namespace {

using ::testing::ElementsAre;

// The largest |count - share| over all prefixes of `samples`; also checks that no sample of a data
// set is skipped and that counts() agrees.
double measured_error(const std::vector<double>& shares, int64_t samples) {
  const DatasetOrder order(shares);
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  std::vector<int64_t> next(shares.size(), 0);
  double error = 0;
  for (int64_t sample = 0; sample < samples; ++sample) {
    const DatasetOrder::Place place = order(sample);
    EXPECT_EQ(place.sample, next[place.dataset]) << sample;
    ++next[place.dataset];
    for (size_t d = 0; d < shares.size(); ++d)
      error = std::max(error, std::abs(static_cast<double>(next[d]) -
                                       static_cast<double>(sample + 1) * shares[d] / sum));
  }
  EXPECT_EQ(order.counts(samples), next);
  EXPECT_LE(error, order.largest_error() + 0.05);  // a period's shares are rounded
  return error;
}

TEST(Mixture, IsExactToBelowOneSampleAtEveryPrefix) {
  const std::vector<std::vector<double>> mixtures = {{1},
                                                     {1, 1},
                                                     {0.7, 0.3},
                                                     {1, 1, 1},
                                                     {5, 1, 3, 1},
                                                     {0.9, 0.1, 1e-5},
                                                     {1, 2, 3, 4, 5},
                                                     {1, 1, 1, 1, 1, 1, 1, 1, 1},
                                                     {8, 4, 2, 1},
                                                     {0.6, 0.1, 0.1, 0.1, 0.1},
                                                     {100, 1, 1, 1, 1, 1, 1},
                                                     {3e9, 1e9, 7}};
  for (const auto& shares : mixtures) {
    EXPECT_LT(DatasetOrder(shares).largest_error(), 1) << ::testing::PrintToString(shares);
    EXPECT_LT(measured_error(shares, 5000), 1) << ::testing::PrintToString(shares);
  }
}

TEST(Mixture, IsExactForRandomSharesOfUpToTwelve) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    std::vector<double> shares;
    for (uint64_t i = 0; i < 2 + seed % 11; ++i) {
      const double uniform = (philox(seed, i)[0] + 0.5) / 4294967296.0;
      shares.push_back(std::pow(uniform, static_cast<double>(1 + seed % 3)));
    }
    EXPECT_LT(DatasetOrder(shares).largest_error(), 1) << seed;
    EXPECT_LT(measured_error(shares, 400), 1) << seed;
  }
}

// No tree keeps all of these below one sample, so the order is a period.
TEST(Mixture, IsExactWhereNoTreeIs) {
  const std::vector<double> shares = {0.513431, 0.367016, 0.907775, 0.517313, 0.0307891, 0.0007992,
                                      0.331838, 0.139115, 0.673118, 0.64726,  0.715973,  0.570026};
  const DatasetOrder order(shares);
  EXPECT_DOUBLE_EQ(order.largest_error(), 1 - 1.0 / 22);
  EXPECT_LT(measured_error(shares, 20'000), 1);
  const int64_t far = (int64_t{1} << 50) + 12345;
  EXPECT_EQ(order(far).sample, order.counts(far)[order(far).dataset]);
}

TEST(Mixture, LeavesOutWhatHasNoShare) {
  EXPECT_THAT(DatasetOrder(std::vector<double>{0, 3, 0, 1}).counts(8), ElementsAre(0, 6, 0, 2));
}

TEST(Mixture, StaysExactFarOut) {
  const std::vector<double> shares = {0.5, 0.3, 0.2};
  const DatasetOrder order(shares);
  for (const int64_t far : {int64_t{1'000'000'007}, int64_t{1} << 40, int64_t{1} << 50}) {
    const std::vector<int64_t> counts = order.counts(far);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), int64_t{0}), far);
    for (size_t d = 0; d < shares.size(); ++d)
      EXPECT_LE(std::abs(static_cast<long double>(counts[d]) -
                         static_cast<long double>(far) * static_cast<long double>(shares[d])),
                1.5L);  // the shares themselves are doubles
    EXPECT_EQ(order(far).sample, counts[order(far).dataset]);
  }
  const DatasetOrder alone(std::vector<double>{7});
  EXPECT_EQ(alone(int64_t{1} << 60).sample, int64_t{1} << 60);
}

TEST(Mixture, StagesGoOnWhereTheOthersEnded) {
  const std::vector<MixtureStage> stages = {{.begin = 0, .shares = {1, 0, 1}},
                                            {.begin = 7, .shares = {0, 1, 0}},
                                            {.begin = 10, .shares = {1, 1, 2}}};
  const Mixture mixture(stages);
  std::vector<int64_t> next(3, 0);
  for (int64_t sample = 0; sample < 200; ++sample) {
    EXPECT_EQ(mixture.counts(sample), next);
    const DatasetOrder::Place place = mixture(sample);
    EXPECT_EQ(place.sample, next[place.dataset]);
    ++next[place.dataset];
    if (sample == 6) {
      EXPECT_EQ(next[1], 0);
    }
    if (sample == 9) {
      EXPECT_EQ(next[1], 3);
    }
  }
  EXPECT_LT(mixture.largest_error(), 1);
}

}  // namespace
}  // namespace weft::data
