// Decoders that compute in bf16 (fp32 masters, statistics and sums) against float64: logits, loss
// and every gradient.
//
// Tolerance. Rounding to bf16 changes a number by at most u = 2^-9 of its size (eps = 2^-8, to
// nearest). A product of K terms whose factors were rounded independently is off by the same part
// of its size whatever K is, since errors and terms add up alike, as random walks; the sums
// themselves are kept in fp32. So what counts is how many roundings a result has passed, and how
// sensitive it is to one. The sensitivity is measured without any bf16: in fp32, weights are
// changed by random parts of up to u of their size, which is what rounding them does, and the
// change of the result is its error from the four weights that each block has. A block has 16
// roundings in all (weights and results of four projections, two norms, rotation, attention's
// probabilities and result, two sides of the activation, two sums of the residual stream).
// Roundings are independent, so errors grow with the square root of their number: sqrt(16 / 4) of
// what was measured. A backward pass has twice as many roundings again, and reads the same rounded
// weights once more: sqrt(48 / 8). Root mean squares hardly scatter: twice that is allowed. Of N
// elements the largest may be sqrt(2 ln N) deviations off, and an element's deviation is at most
// that of the largest element.
//
// What this allows is 1 to 10 % of a tensor's size; mistakes that change less would be lost in
// bf16. That it sees a missing bias and a wrong scale is tested as well.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "decoder_run.h"
#include "weft/philox.h"

namespace weft::test {
namespace {

constexpr double kRoundoff = 0x1p-9;
constexpr double kForwardRoundings = 16.0 / 4.0, kAllRoundings = 48.0 / 8.0;
constexpr int kDraws = 4;

using Tensors = std::map<std::string, std::vector<float>>;  // by the name in the file

// Sums over elements.
struct Difference {
  double size = 0, error = 0, largest = 0, largest_error = 0, elements = 0;

  void add(double expected, double actual) {
    size += expected * expected;
    error += (expected - actual) * (expected - actual);
    largest = std::fmax(largest, std::abs(expected));
    if (!(std::abs(expected - actual) <= largest_error))
      largest_error = std::abs(expected - actual);
    elements += 1;
  }
  // The root mean square of the errors, as a part of that of the values.
  double relative() const { return size > 0 ? std::sqrt(error / size) : std::sqrt(error); }
};

Difference difference(const std::vector<float>& expected, const std::vector<float>& actual) {
  Difference d;
  for (size_t i = 0; i < expected.size(); ++i)
    d.add(static_cast<double>(expected[i]), static_cast<double>(actual[i]));
  return d;
}

// `deviation` is what is expected of the relative error. Empty if `d` is within bounds.
std::string complaint(const std::string& what, const Difference& d, double deviation) {
  const double element = deviation * d.largest * std::sqrt(2 * std::log(d.elements + 2));
  if (d.relative() <= 2 * deviation && d.largest_error <= element) return "";
  return what + ": relative error " + std::to_string(d.relative()) + ", allowed " +
         std::to_string(2 * deviation) + "; largest error " + std::to_string(d.largest_error) +
         ", allowed " + std::to_string(element) + "\n";
}

// What a training step makes of the batch.
struct Outcome {
  double loss = 0;
  Tensors gradients;
};

class DecoderBf16Golden : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto folder = golden_folder(GetParam());
    // The values are made with PyTorch and kept apart from the project.
    if (!folder) GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
    golden_ = std::make_unique<GoldenCase>(*folder);
    names_ = nn::tensor_names(golden_->spec());
    measure();
  }

  Outcome outcome(const RunOptions& options, const ChangeWeights& change = nullptr) const {
    const auto run = training_session(*golden_, options);
    const auto parameters = run->parameters();
    for (const nn::TensorName& name : names_)
      if (change)
        change(name.file_name, {find(parameters, name.parameter) + name.offset,
                                static_cast<size_t>(name.shape.elements())});
    run->parameters_changed();
    Outcome result{.loss = step(*run, *golden_).loss};
    const auto gradients = run->gradients();
    for (const nn::TensorName& name : names_) {
      const float* from = find(gradients, name.parameter) + name.offset;
      result.gradients[name.file_name] = {from, from + name.shape.elements()};
    }
    return result;
  }

  static void perturb(uint64_t draw, const std::string& name, std::span<float> values) {
    const uint64_t key = random_key(draw, name);
    for (size_t i = 0; i < values.size(); ++i) {
      const double part = 2.0 * static_cast<double>(uniform_from(philox(key, i)[0])) - 1.0;
      values[i] = static_cast<float>(static_cast<double>(values[i]) * (1 + kRoundoff * part));
    }
  }

  // How much a rounding of the weights changes the loss and every gradient.
  void measure() {
    for (uint64_t draw = 0; draw < kDraws; ++draw) {
      const Outcome found =
          outcome({}, [draw](const auto& name, auto values) { perturb(draw, name, values); });
      const double error = found.loss - static_cast<double>(golden_->floats("loss")[0]);
      loss_change_ += error * error / kDraws;
      for (const auto& [name, gradient] : found.gradients) {
        const double d = difference(golden_->floats("grad." + name), gradient).relative();
        gradient_change_[name] += d * d / kDraws;
      }
    }
  }

  std::string check(const Outcome& found) const {
    std::string complaints;
    for (const nn::TensorName& name : names_)
      complaints += complaint(
          "gradient of " + name.file_name,
          difference(golden_->floats("grad." + name.file_name), found.gradients.at(name.file_name)),
          std::sqrt(kAllRoundings * gradient_change_.at(name.file_name)));
    return complaints;
  }

  std::unique_ptr<GoldenCase> golden_;
  std::vector<nn::TensorName> names_;
  double loss_change_ = 0;  // squared
  std::map<std::string, double> gradient_change_;
};

TEST_P(DecoderBf16Golden, Logits) {
  const std::vector<float> expected = golden_->floats("logits");
  const size_t V = static_cast<size_t>(golden_->spec().vocab_size);
  const auto compare = [&](const std::vector<float>& actual) {
    Difference d;
    for (size_t i = 0; i < expected.size(); ++i)
      if (golden_->is_token(i / V))
        d.add(static_cast<double>(expected[i]), static_cast<double>(actual[i]));
    return d;
  };
  double change = 0;
  for (uint64_t draw = 0; draw < kDraws; ++draw) {
    const auto weights = [draw](const auto& name, auto values) { perturb(draw, name, values); };
    change += std::pow(compare(logits_of(*golden_, {}, weights)).relative(), 2) / kDraws;
  }
  EXPECT_EQ(complaint("logits", compare(logits_of(*golden_, {.compute = DType::kBF16})),
                      std::sqrt(kForwardRoundings * change)),
            "");
}

TEST_P(DecoderBf16Golden, LossAndEveryGradient) {
  for (const RecomputeMode mode :
       {RecomputeMode::kNone, RecomputeMode::kSelective, RecomputeMode::kFull}) {
    const Outcome found = outcome({.compute = DType::kBF16, .recompute = mode});
    EXPECT_EQ(check(found), "");
    // The change of a loss is one number, and may happen to be small: three deviations.
    EXPECT_LE(std::abs(found.loss - static_cast<double>(golden_->floats("loss")[0])),
              3 * std::sqrt(kForwardRoundings * loss_change_));
  }
}

// Each mistake by itself, in fp32: every bias of one kind left out, every norm's scale 1.1 times
// too large, attention's scores 1.1 times too small.
TEST_P(DecoderBf16Golden, ToleranceSeesMissingBiasesAndWrongScales) {
  const auto mistake = [&](std::string_view part, float factor) {
    bool any = false;
    const Outcome found = outcome({}, [&](const std::string& name, std::span<float> values) {
      if (name.find(part) == std::string::npos) return;
      any = true;
      for (float& value : values) value *= factor;
    });
    EXPECT_EQ(any, check(found) != "") << part << " times " << factor;
  };
  for (const char* bias : {"c_attn.bias", "c_fc.bias", "c_proj.bias", "ln_1.bias", "v_proj.bias",
                           "q_proj.bias", "up_proj.bias", "down_proj.bias"})
    mistake(bias, 0.0f);
  for (const char* scale :
       {"ln_1.weight", "ln_f.weight", "input_layernorm.weight", "post_attention_layernorm.weight",
        "model.norm.weight", "q_norm.weight", "q_proj.weight", "o_proj.weight", "c_proj.weight"})
    mistake(scale, 1.1f);
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderBf16Golden,
                         testing::Values("gpt2", "gpt2-untied", "llama", "llama3", "llama-tied",
                                         "mistral", "qwen2", "qwen3"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace weft::test
