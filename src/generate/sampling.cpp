// Logits processors and the choice of a token; see sampling.h.
#include "generate/sampling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "weft/error.h"
#include "weft/philox.h"

namespace weft::generate {
namespace {

constexpr float kRuledOut = -std::numeric_limits<float>::infinity();

[[noreturn]] void refuse(std::span<const float> logits) {
  const auto bad =
      std::find_if(logits.begin(), logits.end(), [](float logit) { return !(logit < -kRuledOut); });
  throw Error("the model's logit of token " + std::to_string(bad - logits.begin()) + " is " +
                  (std::isnan(*bad) ? "NaN" : "infinite") +
                  ", so no token can be chosen: training has diverged or the weights are "
                  "damaged; use an earlier checkpoint",
              ExitCode::kDiverged);
}

// The largest logit, after checking that a softmax of the logits exists. Several maxima at one
// time, which a compiler makes vectors of: a vocabulary has tens of thousands of logits for each
// token.
float checked_maximum(std::span<const float> logits) {
  constexpr size_t kSideBySide = 16;
  std::array<float, kSideBySide> largest;
  largest.fill(kRuledOut);
  std::array<int32_t, kSideBySide> bad{};
  size_t i = 0;
  for (; i + kSideBySide <= logits.size(); i += kSideBySide)
    for (size_t j = 0; j < kSideBySide; ++j) {
      const float logit = logits[i + j];
      largest[j] = logit > largest[j] ? logit : largest[j];
      bad[j] |= logit < -kRuledOut ? 0 : 1;
    }
  for (; i < logits.size(); ++i) {
    largest[0] = std::max(largest[0], logits[i]);
    bad[0] |= logits[i] < -kRuledOut ? 0 : 1;
  }
  if (std::any_of(bad.begin(), bad.end(), [](int32_t b) { return b != 0; })) refuse(logits);
  const float result = *std::max_element(largest.begin(), largest.end());
  if (result == kRuledOut) {
    throw Error("every token is ruled out (" + std::to_string(logits.size()) +
                " logits, none finite), so no token can be chosen");
  }
  return result;
}

double probability_sum(std::span<const float> logits, float largest) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return sum;
}

void check_range(std::string_view name, double value, const FieldInfo& info) {
  const bool low = info.above_min ? !(value > info.min) : !(value >= info.min);
  if (!low && value <= info.max && std::isfinite(value)) return;
  std::ostringstream message;
  message << name << " is " << value << "; allowed is a number "
          << (info.above_min ? "above " : "of at least ") << info.min;
  if (std::isfinite(info.max)) message << " and at most " << info.max;
  throw Error(message.str());
}

}  // namespace

void check(const SamplingOptions& options) {
  SamplingOptions copy = options;
  copy.visit([](std::string_view name, auto& value, const FieldInfo& info) {
    check_range(name, static_cast<double>(value), info);
  });
}

void apply_repetition_penalty(std::span<float> logits, std::span<const int32_t> history,
                              double penalty) {
  std::vector<bool> seen(logits.size());
  for (const int32_t token : history) {
    WEFT_ASSERT(token >= 0);
    const size_t id = static_cast<size_t>(token);
    if (id >= logits.size() || seen[id]) continue;
    seen[id] = true;
    const double logit = logits[id];
    logits[id] = static_cast<float>(logit < 0 ? logit * penalty : logit / penalty);
  }
}

void apply_temperature(std::span<float> logits, double temperature) {
  WEFT_ASSERT(temperature > 0);
  const double largest = checked_maximum(logits);
  for (float& logit : logits) logit = static_cast<float>((logit - largest) / temperature);
}

void apply_top_k(std::span<float> logits, int64_t k) {
  WEFT_ASSERT(k >= 1);
  if (k >= static_cast<int64_t>(logits.size())) return;
  checked_maximum(logits);  // a NaN has no place in an order
  std::vector<float> sorted(logits.begin(), logits.end());
  const auto kth = sorted.begin() + (k - 1);
  std::nth_element(sorted.begin(), kth, sorted.end(), std::greater<>());
  for (float& logit : logits) {
    if (logit < *kth) logit = kRuledOut;
  }
}

void apply_top_p(std::span<float> logits, double p) {
  const float largest = checked_maximum(logits);
  const double sum = probability_sum(logits, largest);
  using Entry = std::pair<float, int64_t>;  // logit, negative id: the larger pair is better
  std::vector<Entry> rest;
  rest.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != kRuledOut) rest.emplace_back(logits[i], -static_cast<int64_t>(i));
  }
  // A heap, because the set is usually far smaller than the vocabulary.
  std::make_heap(rest.begin(), rest.end());
  double kept = 0;
  for (bool first = true; !rest.empty() && (first || kept < p); first = false) {
    std::pop_heap(rest.begin(), rest.end());
    kept += std::exp(static_cast<double>(rest.back().first) - largest) / sum;
    rest.pop_back();
  }
  for (const Entry& entry : rest) logits[static_cast<size_t>(-entry.second)] = kRuledOut;
}

void apply_min_p(std::span<float> logits, double p) {
  const float largest = checked_maximum(logits);
  for (float& logit : logits) {
    if (std::exp(static_cast<double>(logit) - largest) < p) logit = kRuledOut;
  }
}

int32_t greedy_token(std::span<const float> logits) {
  const float largest = checked_maximum(logits);
  return static_cast<int32_t>(std::find(logits.begin(), logits.end(), largest) - logits.begin());
}

int32_t sample_token(std::span<const float> logits, const Draw& draw) {
  const float largest = checked_maximum(logits);
  const PhiloxBlock block =
      philox(random_key(draw.seed, "generate.sample"), draw.position, draw.sequence);
  const uint64_t bits = (static_cast<uint64_t>(block[1]) << 32) | block[0];
  const double uniform = static_cast<double>(bits >> 11) * 0x1p-53;  // [0, 1)
  const double target = uniform * probability_sum(logits, largest);
  double sum = 0;
  int32_t last = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double weight = std::exp(static_cast<double>(logits[i]) - largest);
    if (!(weight > 0)) continue;
    last = static_cast<int32_t>(i);
    sum += weight;
    if (sum > target) break;
  }
  return last;
}

int32_t choose_token(std::span<float> logits, std::span<const int32_t> history,
                     const SamplingOptions& options, const Draw& draw) {
  check(options);
  if (options.repetition_penalty != 1.0) {
    apply_repetition_penalty(logits, history, options.repetition_penalty);
  }
  if (options.temperature == 0) return greedy_token(logits);
  if (options.temperature != 1.0) apply_temperature(logits, options.temperature);
  if (options.top_k > 0) apply_top_k(logits, options.top_k);
  if (options.top_p < 1.0) apply_top_p(logits, options.top_p);
  if (options.min_p > 0) apply_min_p(logits, options.min_p);
  return sample_token(logits, draw);
}

}  // namespace weft::generate
