// Losses over classes against PyTorch: cross-entropy, label smoothing and the z term, by themselves
// and fused with the head, in one chunk of rows and in several.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "golden_case.h"
#include "kernels/cross_entropy/chunked_head.h"
#include "weft/ops/cross_entropy.h"
#include "weft/ops/linear_cross_entropy.h"
#include "weft/train_program.h"

namespace weft::test {
namespace {

struct LossCase {
  std::string name;
  std::vector<std::string> terms;  // of the reference, which add up
  ops::CrossEntropyParams params = {};
  bool mean = true;  // over the labels that count
};

class LossGolden : public testing::TestWithParam<LossCase> {
 protected:
  void SetUp() override {
    const auto folder = golden_folder("losses");
    // The values are made with PyTorch and kept apart from the project.
    if (!folder) GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
    file_ = std::make_unique<io::SafetensorsFile>(*folder / "golden.safetensors");
    logits_ = floats("input.logits");
    const io::TensorView& target = file_->at("input.target");
    std::vector<int64_t> targets(static_cast<size_t>(target.elements()));
    io::read_integers(target, targets);
    labels_.assign(targets.begin(), targets.end());
    rows_ = static_cast<int64_t>(labels_.size());
    classes_ = static_cast<int64_t>(logits_.size()) / rows_;
  }

  std::vector<float> floats(const std::string& name) const {
    const io::TensorView& tensor = file_->at(name);
    std::vector<float> values(static_cast<size_t>(tensor.elements()));
    io::read_floats(tensor, values);
    return values;
  }

  std::vector<double> expected(const std::string& what) const {
    std::vector<double> sum;
    for (const std::string& term : GetParam().terms) {
      const std::vector<float> values = floats(term + "." + what);
      sum.resize(values.size());
      for (size_t i = 0; i < values.size(); ++i) sum[i] += static_cast<double>(values[i]);
    }
    return sum;
  }

  // Labels that count in `copies` of the rows; 1 for a sum.
  int64_t divisor(int64_t copies) const {
    const auto counts = [](int32_t label) { return label != -100; };
    return GetParam().mean ? copies * std::count_if(labels_.begin(), labels_.end(), counts) : 1;
  }

  void expect_gradient(std::span<const float> actual, int64_t copies) const {
    const std::vector<double> once = expected("grad.logits");
    const double part = GetParam().mean ? 1.0 / static_cast<double>(copies) : 1.0;
    for (size_t i = 0; i < actual.size(); ++i) {
      const double value = part * once[i % once.size()];
      ASSERT_LE(std::abs(static_cast<double>(actual[i]) - value),
                1e-6 * part + 1e-5 * std::abs(value))
          << "element " << i;
    }
  }

  void expect_loss(double actual, int64_t copies) const {
    const double value =
        expected("loss")[0] * (GetParam().mean ? 1.0 : static_cast<double>(copies));
    EXPECT_LE(std::abs(actual - value), 1e-6 + 1e-5 * std::abs(value));
  }

  template <class T>
  static void repeat(const std::vector<T>& once, std::span<T> to) {
    for (size_t i = 0; i < to.size(); ++i) to[i] = once[i % once.size()];
  }

  // The head's weight is the identity, so that logits and their gradients are those of its input.
  void check_head(int64_t copies) {
    Graph graph;
    const int64_t rows = copies * rows_;
    const Value x = graph.parameter("x", {rows, classes_});
    const Value weight = graph.parameter("weight", {classes_, classes_});
    const Value labels = graph.input("labels", {DType::kI32, {rows}});
    TrainProgram program(graph, ops::linear_cross_entropy(x, weight, labels, GetParam().params),
                         {.threads = 2});
    repeat<float>(logits_, program.parameter("x"));
    const std::span<float> identity = program.parameter("weight");
    for (size_t i = 0; i < identity.size(); ++i)
      identity[i] = i % static_cast<size_t>(classes_ + 1) == 0 ? 1.0f : 0.0f;
    repeat<int32_t>(labels_, program.input<int32_t>("labels"));
    program.begin_step(divisor(copies));
    program.micro_batch();
    const std::vector<float> gradient(program.gradient("x").begin(), program.gradient("x").end());
    const std::vector<float> weights(program.gradient("weight").begin(),
                                     program.gradient("weight").end());
    expect_loss(program.end_step(0.0).loss, copies);
    expect_gradient(gradient, copies);
    expect_weight_gradient(weights, copies);
  }

  // dW = dlogits^T x, summed over all rows.
  void expect_weight_gradient(const std::vector<float>& actual, int64_t copies) const {
    const std::vector<double> dlogits = expected("grad.logits");
    const size_t V = static_cast<size_t>(classes_);
    const double times = GetParam().mean ? 1.0 : static_cast<double>(copies);
    for (size_t v = 0; v < V; ++v)
      for (size_t c = 0; c < V; ++c) {
        double sum = 0, size = 0;
        for (size_t row = 0; row < labels_.size(); ++row) {
          const double term = dlogits[row * V + v] * static_cast<double>(logits_[row * V + c]);
          sum += times * term;
          size += times * std::abs(term);
        }
        ASSERT_LE(std::abs(static_cast<double>(actual[v * V + c]) - sum), 1e-5 * size + 1e-6)
            << v << ", " << c;
      }
  }

  std::unique_ptr<io::SafetensorsFile> file_;
  std::vector<float> logits_;
  std::vector<int32_t> labels_;
  int64_t rows_ = 0, classes_ = 0;
};

TEST_P(LossGolden, OfLogits) {
  Graph graph;
  const Value logits = graph.parameter("logits", {rows_, classes_});
  const Value labels = graph.input("labels", {DType::kI32, {rows_}});
  TrainProgram program(graph, ops::cross_entropy(logits, labels, GetParam().params),
                       {.threads = 2});
  repeat<float>(logits_, program.parameter("logits"));
  repeat<int32_t>(labels_, program.input<int32_t>("labels"));
  program.begin_step(divisor(1));
  program.micro_batch();
  expect_gradient(program.gradient("logits"), 1);
  expect_loss(program.end_step(0.0).loss, 1);
}

TEST_P(LossGolden, OfTheHeadInOneChunk) {
  check_head(1);
}

TEST_P(LossGolden, OfTheHeadInSeveralChunks) {
  constexpr int64_t kCopies = 100;
  ASSERT_LT(kernels::chunk_rows({.N = kCopies * rows_, .C = classes_, .V = classes_}),
            kCopies * rows_);
  check_head(kCopies);
}

INSTANTIATE_TEST_SUITE_P(
    Losses, LossGolden,
    testing::Values(LossCase{"ce", {"ce"}},
                    LossCase{.name = "ce_sum", .terms = {"ce_sum"}, .mean = false},
                    LossCase{
                        "ce_label_smoothing", {"ce_label_smoothing"}, {.label_smoothing = 0.1}},
                    LossCase{"z_loss", {"ce", "z_loss"}, {.z_loss = 1e-2}},
                    LossCase{"smoothing_and_z",
                             {"ce_label_smoothing", "z_loss"},
                             {.label_smoothing = 0.1, .z_loss = 1e-2}}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace weft::test
