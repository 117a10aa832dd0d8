// The update half of a step as trainers run it: blocks, groups, views and states, against PyTorch's
// values over ten steps; clipping, and what decays.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "io/safetensors.h"
#include "train/session.h"
#include "weft/ops/add.h"
#include "weft/ops/mul.h"
#include "weft/ops/reduce.h"

namespace weft::optim {
namespace {

struct Parameter {
  std::string name;
  Shape shape;
};

// A step whose gradients are what the inputs "<parameter>.gradient" hold: the loss is the sum of
// all parameters times them.
train::Session session_of(const std::vector<Parameter>& parameters,
                          const OptimizerOptions& options) {
  Graph graph;
  Value loss;
  {
    const Graph::Scope scope(graph, "layers.0");  // where Muon takes its matrices from
    for (const Parameter& p : parameters) {
      const Value gradient = graph.input(p.name + ".gradient", {DType::kF32, p.shape});
      const Value term = ops::sum(graph.parameter(p.name, p.shape) * gradient);
      loss = loss ? loss + term : term;
    }
  }
  return train::Session(
      train::plan_session(train::build_step_graph(graph.data(), loss, {.optimizer = options}), {},
                          {.threads = 2}),
      1);
}

std::span<float> find(const std::vector<runtime::NamedTensor>& tensors, const std::string& name) {
  for (const auto& entry : tensors)
    if (entry.name.ends_with(name))
      return {entry.tensor.as<float>(), static_cast<size_t>(entry.tensor.type.shape.elements())};
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

StepResult step(train::Session& session, double rate,
                const std::function<std::vector<float>(const std::string&)>& gradient_of) {
  session.begin_step(1);
  for (const auto& entry : session.parameters()) {
    const std::vector<float> gradient = gradient_of(entry.name);
    const auto input =
        runtime::find_input(session.step_program(), entry.name + ".gradient", DType::kF32);
    std::copy(gradient.begin(), gradient.end(), input.as<float>());
  }
  session.micro_batch();
  return session.end_step(rate);
}

std::vector<float> values(const io::SafetensorsFile& file, const std::string& name) {
  const io::TensorView& view = file.at(name);
  std::vector<float> result(static_cast<size_t>(view.elements()));
  io::read_floats(view, result);
  return result;
}

struct Golden {
  std::string name;
  std::string previous;  // PyTorch updated in place: a case starts where the one before it ended
  double learning_rate;
  double tolerance;  // the recommended one
  OptimizerOptions options;
  bool matrices_only;  // what PyTorch decays or refuses otherwise
};

const Golden kCases[] = {
    {"sgd_nesterov",
     "sgd_momentum",
     0.05,
     5e-6,
     {.kind = OptimizerKind::kSgd, .momentum = 0.9, .nesterov = true, .weight_decay = 0},
     false},
    {"sgd_momentum",
     "sgd",
     0.05,
     5e-6,
     {.kind = OptimizerKind::kSgd, .momentum = 0.9, .weight_decay = 0.01},
     true},
    {"adamw", "adam_l2", 0.01, 2e-5, {.kind = OptimizerKind::kAdamW}, true},
    {"lion",
     "adafactor_hf_fixed",
     0.003,
     5e-5,
     {.kind = OptimizerKind::kLion, .beta1 = 0.9, .beta2 = 0.99},
     true},
    {"muon_match_rms_adamw",
     "muon",
     0.02,
     2e-5,
     {.kind = OptimizerKind::kMuon, .momentum = 0.95},
     true}};

void expect_golden(const io::SafetensorsFile& file, Golden g) {
  g.options.max_grad_norm = 0;
  std::vector<Parameter> parameters = {{"p0", {7, 5}}, {"p2", {3, 4}}};
  if (!g.matrices_only) parameters.push_back({"p1", {file.at("start.p1").shape[0]}});
  train::Session session = session_of(parameters, g.options);
  for (const auto& entry : session.parameters()) {
    const auto start = values(file, g.previous + ".10." + entry.name);
    ASSERT_EQ(static_cast<int64_t>(start.size()), entry.tensor.type.shape.elements());
    std::copy(start.begin(), start.end(), entry.tensor.as<float>());
  }
  for (int i = 1; i <= 10; ++i) {
    const std::string at = "." + std::to_string(i) + ".";
    const StepResult result = step(session, g.learning_rate, [&](const std::string& name) {
      return values(file, "grad" + at + name);
    });
    ASSERT_TRUE(result.applied);
    for (const auto& entry : session.parameters()) {
      const auto expected = values(file, g.name + at + entry.name);
      for (size_t k = 0; k < expected.size(); ++k)
        ASSERT_LE(std::abs(static_cast<double>(entry.tensor.as<float>()[k]) -
                           static_cast<double>(expected[k])),
                  g.tolerance)
            << g.name << at << entry.name << "[" << k << "]";
    }
  }
}

TEST(OptimizerSteps, FollowPyTorchForTenSteps) {
  const char* root = std::getenv("WEFT_GOLDEN");
  const Path path = Path(root == nullptr ? "" : root) / "models/optimizers/golden.safetensors";
  // The values are made with PyTorch and kept apart from the project.
  if (root == nullptr || real_file_system().status(path).kind != FileKind::kFile)
    GTEST_SKIP() << "no reference values: set WEFT_GOLDEN";
  const io::SafetensorsFile file(path);
  for (const Golden& g : kCases) expect_golden(file, g);
}

const std::vector<Parameter> kMixed = {{"matrix", {3, 5}}, {"vector", {7}}};

std::vector<float> ones(const std::string& name) {
  return std::vector<float>(name == "matrix" ? 15 : 7, 1.0f);
}

TEST(OptimizerSteps, ClipTheGlobalNorm) {
  train::Session session =
      session_of(kMixed, {.kind = OptimizerKind::kSgd, .weight_decay = 0, .max_grad_norm = 0.5});
  for (const auto& entry : session.parameters())
    std::fill_n(entry.tensor.as<float>(), entry.tensor.type.shape.elements(), 0.0f);
  const StepResult result = step(session, 1.0, ones);
  EXPECT_LE(std::abs(result.gradient_norm - std::sqrt(22.0)), 1e-6);
  for (const auto& entry : session.parameters())
    for (int64_t i = 0; i < entry.tensor.type.shape.elements(); ++i)
      EXPECT_LE(std::abs(entry.tensor.as<float>()[i] + static_cast<float>(0.5 / std::sqrt(22.0))),
                1e-6f)
          << entry.name;
}

TEST(OptimizerSteps, DecayMatricesOnly) {
  for (const OptimizerKind kind : values_of(OptimizerKind{})) {
    train::Session session = session_of(kMixed, {.kind = kind, .weight_decay = 0.5});
    for (const auto& entry : session.parameters())
      std::fill_n(entry.tensor.as<float>(), entry.tensor.type.shape.elements(), 1.0f);
    const auto zeros = [](const std::string& name) {
      return std::vector<float>(name == "matrix" ? 15 : 7, 0.0f);
    };
    step(session, 0.1, zeros);
    EXPECT_LE(std::abs(find(session.parameters(), "matrix")[0] - 0.95f), 1e-6f) << name_of(kind);
    EXPECT_EQ(find(session.parameters(), "vector")[0], 1.0f) << name_of(kind);
  }
}

TEST(OptimizerSteps, AdafactorKeepsANumberForEachRowAndColumn) {
  train::Session session = session_of(kMixed, {.kind = OptimizerKind::kAdafactor});
  step(session, 0.1, ones);
  const std::span<float> matrix = find(session.optimizer_state(), "factors/matrix");
  ASSERT_EQ(matrix.size(), 3u + 5u);
  for (const float mean : matrix) EXPECT_LE(std::abs(mean - 1.0f / 22), 1e-6f);  // clipped to 1
  EXPECT_EQ(find(session.optimizer_state(), "factors/vector").size(), 7u);
  EXPECT_EQ(session.optimizer_state().size(), 2u);
}

TEST(OptimizerSteps, ANaNInOneGradientStopsTheWholeUpdate) {
  for (const OptimizerKind kind : values_of(OptimizerKind{})) {
    train::Session session = session_of(kMixed, {.kind = kind});
    step(session, 0.1, ones);
    const auto copy = [&] {
      std::vector<float> all;
      for (const auto& tensors : {session.parameters(), session.optimizer_state()})
        for (const auto& entry : tensors)
          all.insert(all.end(), entry.tensor.as<float>(),
                     entry.tensor.as<float>() + entry.tensor.type.shape.elements());
      return all;
    };
    const std::vector<float> before = copy();
    const StepResult result = step(session, 0.1, [](const std::string& name) {
      std::vector<float> gradient = ones(name);
      if (name == "vector") gradient[3] = std::nanf("");
      return gradient;
    });
    EXPECT_FALSE(result.applied);
    EXPECT_TRUE(std::isnan(result.gradient_norm));
    EXPECT_EQ(copy(), before) << name_of(kind);
  }
}

}  // namespace
}  // namespace weft::optim
