// Decoders against PyTorch and transformers: logits, loss, every gradient, and the weights after
// five AdamW steps, within the tolerances that the reference values state for fp32.
#include <gtest/gtest.h>

#include <cmath>

#include "decoder_run.h"

namespace weft::test {
namespace {

constexpr int kSteps = 5;

double largest(const std::vector<float>& values) {
  double result = 0;
  for (const float value : values) result = std::fmax(result, std::abs(static_cast<double>(value)));
  return result;
}

void expect_close(const std::string& what, const std::vector<float>& expected, const float* actual,
                  const Allowed& allowed) {
  const double limit = std::fmax(allowed.absolute, allowed.relative * largest(expected));
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error =
        std::abs(static_cast<double>(expected[i]) - static_cast<double>(actual[i]));
    ASSERT_TRUE(error <= limit) << what << "[" << i << "] is " << actual[i] << ", not "
                                << expected[i] << "; allowed difference " << limit;
  }
}

struct Case {
  std::string model;
  bool on_device = false;

  bool is_slow() const { return on_device && model != "gpt2" && model != "llama"; }
};

class DecoderGolden : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto folder = golden_folder(GetParam().model);
    // The values are made with PyTorch and kept apart from the project.
    if (!folder) GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
    if (GetParam().is_slow() && !may_take_long()) GTEST_SKIP() << "set WEFT_LONG";
    golden_ = std::make_unique<GoldenCase>(*folder);
  }

  RunOptions options(RecomputeMode recompute = RecomputeMode::kNone) const {
    return {.recompute = recompute, .on_device = GetParam().on_device};
  }

  std::unique_ptr<GoldenCase> golden_;
};

TEST_P(DecoderGolden, Logits) {
  const std::vector<float> expected = golden_->floats("logits"),
                           actual = logits_of(*golden_, options());
  const size_t V = static_cast<size_t>(golden_->spec().vocab_size);
  for (size_t row = 0; row < expected.size() / V; ++row) {
    if (!golden_->is_token(row)) continue;
    const std::vector<float> part(expected.begin() + static_cast<std::ptrdiff_t>(row * V),
                                  expected.begin() + static_cast<std::ptrdiff_t>((row + 1) * V));
    expect_close("logits of token " + std::to_string(row), part, actual.data() + row * V,
                 golden_->allowed("logits"));
  }
}

TEST_P(DecoderGolden, LossAndEveryGradient) {
  std::vector<RecomputeMode> modes = {RecomputeMode::kNone};
  if (!GetParam().on_device || may_take_long())
    modes.insert(modes.end(), {RecomputeMode::kSelective, RecomputeMode::kFull});
  for (const RecomputeMode mode : modes) {
    const auto run = training_session(*golden_, options(mode));
    const StepResult result = step(*run, *golden_);
    const float loss = static_cast<float>(result.loss);
    expect_close("loss", golden_->floats("loss"), &loss, golden_->allowed("loss"));
    const auto gradients = run->gradients();
    for (const nn::TensorName& name : nn::tensor_names(golden_->spec()))
      expect_close("gradient of " + name.file_name, golden_->floats("grad." + name.file_name),
                   find(gradients, name.parameter) + name.offset, golden_->allowed("grad"));
  }
}

TEST_P(DecoderGolden, FiveStepsOfAdamW) {
  if (GetParam().on_device && !may_take_long()) GTEST_SKIP() << "takes 15 s; set WEFT_LONG";
  const auto run = training_session(*golden_, options());
  const std::vector<float> losses = golden_->floats("step_losses");
  const std::vector<float> norms = golden_->floats("step_grad_norms");
  for (size_t i = 0; i < kSteps; ++i) {
    const StepResult result = step(*run, *golden_);
    EXPECT_TRUE(result.applied);
    EXPECT_LE(std::abs(result.loss - static_cast<double>(losses[i])), 1e-5) << "step " << i;
    EXPECT_LE(std::abs(result.gradient_norm - static_cast<double>(norms[i])),
              2e-5 * (1 + static_cast<double>(norms[i])))
        << "step " << i;
  }
  double largest_gradient = 0;
  for (const nn::TensorName& name : nn::tensor_names(golden_->spec()))
    largest_gradient =
        std::fmax(largest_gradient, largest(golden_->floats("grad." + name.file_name)));
  const auto parameters = run->parameters();
  for (const nn::TensorName& name : nn::tensor_names(golden_->spec())) {
    const std::vector<float> gradient = golden_->floats("grad." + name.file_name);
    const std::vector<float> expected = golden_->floats("after." + name.file_name);
    const float* actual = find(parameters, name.parameter) + name.offset;
    for (size_t i = 0; i < expected.size(); ++i) {
      // Adam divides by the gradient's own size: where that is rounding noise, so is the step.
      const double size = std::abs(static_cast<double>(gradient[i]));
      const bool unused = size == 0 && name.shape.rank() >= 2;
      const bool noisy = size < 1e-4 * largest_gradient && !unused;
      const double limit = noisy ? 0.01 : golden_->after_allowed();
      const double error =
          std::abs(static_cast<double>(expected[i]) - static_cast<double>(actual[i]));
      ASSERT_TRUE(error <= limit) << name.file_name << "[" << i << "] is " << actual[i] << ", not "
                                  << expected[i] << "; allowed difference " << limit;
    }
  }
}

std::vector<Case> cases(bool on_device) {
  std::vector<Case> all;
  for (const char* model :
       {"gpt2", "gpt2-untied", "llama", "llama3", "llama-tied", "mistral", "qwen2", "qwen3"})
    all.push_back({model, on_device});
  return all;
}

std::string name_of_case(const testing::TestParamInfo<Case>& test) {
  std::string name = test.param.model;
  for (char& c : name)
    if (c == '-') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, DecoderGolden, testing::ValuesIn(cases(false)), name_of_case);
// The same tolerances on the emulated device, or with WEFT_TEST_DEVICE=cuda on a GPU.
INSTANTIATE_TEST_SUITE_P(OnDevice, DecoderGolden, testing::ValuesIn(cases(true)), name_of_case);

}  // namespace
}  // namespace weft::test
