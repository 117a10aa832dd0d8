// A mixture as one period of 2^20 samples that repeats: for shares that no tree divides exactly
// (mixture.h). Shares are rounded to multiples of 2^-20, about a millionth.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace weft::data {

// At every prefix each data set has its rounded share of the samples to within 1 - 1/(2k - 2), k
// being their number (Tijdeman, "The chairman assignment problem", Discrete Mathematics 32, 1980),
// the best that is possible. 2 MiB and 64 KiB for each data set; any position in constant time.
class MixturePeriod {
 public:
  static constexpr int64_t kLength = int64_t{1} << 20;

  // Shares sum to 1 and are above 0; 2 to 4096 of them.
  explicit MixturePeriod(std::span<const double> shares);

  // The data set of `sample`, and which of that data set's samples it is.
  std::pair<size_t, int64_t> operator()(int64_t sample) const;
  // How many of the first `samples` samples each has.
  std::vector<int64_t> counts(int64_t samples) const;

 private:
  static constexpr int64_t kBlock = 64;
  // How many of the first `position` samples of a period are of data set `which`.
  int64_t count_before(int64_t position, size_t which) const;
  void fill();

  size_t size_;
  std::vector<int64_t> parts_;   // of each, in a period
  std::vector<uint16_t> order_;  // [kLength]
  std::vector<int32_t> counts_;  // [kLength / kBlock, size]: before each block
};

}  // namespace weft::data
