// What the losses of a training run may differ by between devices whose sums have other orders.
//
// What rounding does to a curve is measured: on the CPU, weights are changed by random parts of up
// to u of their size before the first step, and the change of each loss is taken. An order of sums
// changes a result of K terms by a random walk of K roundings, each of up to 2^-24 of a partial
// sum, in every one of the R results that lie one behind another in a step: u = 2^-24 sqrt(K R), of
// which the weights get as much as all results of the first step together. Later steps add their
// own, independent: after n steps sqrt(n) times as much. Of kDraws draws the largest change of any
// loss so far is taken, twice as much is allowed. (What a curve allows grows as errors do, along
// it; a wrong sign, mask or moment shows in the first steps.)
#pragma once

#include <cmath>
#include <functional>
#include <vector>

#include "train/session.h"
#include "weft/philox.h"

namespace weft::test {

struct CurveSums {
  double terms = 0;    // of the longest sums
  double results = 0;  // that lie one behind another in a step
};

inline void perturb(train::Session& session, uint64_t draw, const CurveSums& sums) {
  const double size = 0x1p-24 * std::sqrt(sums.terms * sums.results);
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

// By step. `perturbed` gives the curve on the CPU after perturb() with a draw.
inline std::vector<double> allowed_differences(
    const std::vector<double>& expected,
    const std::function<std::vector<double>(uint64_t draw)>& perturbed) {
  constexpr uint64_t kDraws = 4;
  std::vector<double> result(expected.size(), 0.0);
  for (uint64_t draw = 0; draw < kDraws; ++draw) {
    const std::vector<double> losses = perturbed(draw);
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

}  // namespace weft::test
