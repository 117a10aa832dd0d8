// Decoders against PyTorch and transformers: logits, loss, every gradient, and the weights after
// five AdamW steps, within the tolerances that the reference values state for fp32.
#include <gtest/gtest.h>

#include <cmath>

#include "golden_case.h"
#include "runtime/forward_session.h"
#include "train/session.h"

namespace weft::test {
namespace {

constexpr int kThreads = 2;
constexpr int kSteps = 5;

void fill(const graph::Program& program, const GoldenCase::Inputs& in) {
  const auto copy = [&](std::string_view name, const std::vector<int32_t>& from) {
    if (program.graph().find(name) == graph::kNoValue) return;
    std::copy(from.begin(), from.end(),
              runtime::find_input(program, name, DType::kI32).as<int32_t>());
  };
  copy(nn::kInputIds, in.ids);
  copy(nn::kPositions, in.positions);
  copy(nn::kLabels, in.labels);
  copy(nn::kKeyRange, in.key_range);
}

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

class DecoderGolden : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto folder = golden_folder(GetParam());
    // The values are made with PyTorch and kept apart from the project.
    if (!folder) GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
    golden_ = std::make_unique<GoldenCase>(*folder);
  }

  nn::TrainingGraphOptions shape() const {
    return {.batch = golden_->batch(), .time = golden_->time(), .key_range = true};
  }

  std::unique_ptr<train::Session> session(RecomputeMode recompute = RecomputeMode::kNone) {
    Graph graph;
    const Value loss = nn::build_loss(graph, golden_->spec(), shape());
    train::StepGraph step = train::build_step_graph(
        graph.data(), loss,
        {.recompute = recompute,
         .optimizer = {.beta1 = 0.9, .beta2 = 0.95, .weight_decay = 0.1, .max_grad_norm = 1.0}});
    auto session =
        std::make_unique<train::Session>(train::plan_session(std::move(step), {}, kThreads), 1);
    const auto parameters = session->parameters();
    runtime::load_weights(golden_->tensors(), golden_->spec(), [&](const std::string& name) {
      return runtime::ParameterMemory{.master = find(parameters, name)};
    });
    session->parameters_changed();
    return session;
  }

  static float* find(const std::vector<runtime::NamedTensor>& tensors, const std::string& name) {
    for (const auto& entry : tensors)
      if (entry.name == name) return entry.tensor.as<float>();
    throw Error("no parameter " + name);
  }

  StepResult step(train::Session& session) {
    const GoldenCase::Inputs in = golden_->inputs();
    session.begin_step(in.count);
    fill(session.step_program(), in);
    session.micro_batch();
    return session.end_step(1e-3);
  }

  std::unique_ptr<GoldenCase> golden_;
};

TEST_P(DecoderGolden, Logits) {
  Graph graph;
  const Value logits = nn::build_logits(graph, golden_->spec(), shape());
  std::vector<runtime::ForwardGraph> graphs;
  graphs.push_back(runtime::build_forward_graph("logits", graph.data(), {logits}, DType::kF32));
  runtime::ForwardSession session(std::move(graphs), kThreads);
  session.load(golden_->tensors(), golden_->spec());
  fill(session.programs()[0], golden_->inputs());
  session.run(0);
  const std::vector<float> expected = golden_->floats("logits");
  const float* actual = session.programs().output(0, 0).as<float>();
  const size_t V = static_cast<size_t>(golden_->spec().vocab_size);
  for (size_t row = 0; row < expected.size() / V; ++row) {
    if (!golden_->is_token(row)) continue;
    const std::vector<float> part(expected.begin() + static_cast<std::ptrdiff_t>(row * V),
                                  expected.begin() + static_cast<std::ptrdiff_t>((row + 1) * V));
    expect_close("logits of token " + std::to_string(row), part, actual + row * V,
                 golden_->allowed("logits"));
  }
}

TEST_P(DecoderGolden, LossAndEveryGradient) {
  for (const RecomputeMode mode :
       {RecomputeMode::kNone, RecomputeMode::kSelective, RecomputeMode::kFull}) {
    const auto run = session(mode);
    const StepResult result = step(*run);
    const float loss = static_cast<float>(result.loss);
    expect_close("loss", golden_->floats("loss"), &loss, golden_->allowed("loss"));
    const auto gradients = run->gradients();
    for (const nn::TensorName& name : nn::tensor_names(golden_->spec()))
      expect_close("gradient of " + name.file_name, golden_->floats("grad." + name.file_name),
                   find(gradients, name.parameter) + name.offset, golden_->allowed("grad"));
  }
}

TEST_P(DecoderGolden, FiveStepsOfAdamW) {
  const auto run = session();
  const std::vector<float> losses = golden_->floats("step_losses");
  const std::vector<float> norms = golden_->floats("step_grad_norms");
  for (size_t i = 0; i < kSteps; ++i) {
    const StepResult result = step(*run);
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

INSTANTIATE_TEST_SUITE_P(Models, DecoderGolden,
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
