// Optimizers over ten steps with given gradients, against PyTorch's values; and what the contract
// test cannot see: bits and threads, NaN, the bf16 copy at every instruction set.
#include <functional>

#include "golden.h"
#include "helpers.h"
#include "kernels/optimizer/adafactor.h"
#include "kernels/optimizer/adamw.h"
#include "kernels/optimizer/lion.h"
#include "kernels/optimizer/muon.h"
#include "kernels/optimizer/sgd.h"

namespace weft::kernels::testing {
namespace {

constexpr int64_t kRows = 251, kColumns = 263;  // of a large matrix

struct Scalars {
  float learning_rate = 0.01f, step = 1, clip = 1, apply = 1;
  UpdateScalars pointers() const { return {&learning_rate, &step, &clip, &apply}; }
};

// A block under an optimizer: parameters, two states, the copy.
struct Block {
  std::vector<float> parameters;
  std::vector<float> state = std::vector<float>(parameters.size());
  std::vector<float> second = std::vector<float>(parameters.size());
  std::vector<BFloat16> copy = std::vector<BFloat16>(parameters.size());
  int64_t size() const { return static_cast<int64_t>(parameters.size()); }
  bool operator==(const Block& other) const {
    const auto same = [](const auto& a, const auto& b) {
      return std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0;
    };
    return same(parameters, other.parameters) && same(state, other.state) &&
           same(second, other.second) && same(copy, other.copy);
  }
};

using Update =
    std::function<void(Block&, const float* gradients, const Scalars&, const ParallelFor&)>;

Update sgd_update(double momentum, bool nesterov, double weight_decay) {
  return [=](Block& b, const float* gradients, const Scalars& s, const ParallelFor& parallel) {
    sgd({.parameters_N = b.parameters.data(),
         .gradients_N = gradients,
         .velocity_N = momentum > 0 ? b.state.data() : nullptr,
         .copy_N = b.copy.data(),
         .scalars = s.pointers(),
         .N = b.size(),
         .decayed = b.size(),
         .momentum = momentum,
         .weight_decay = weight_decay,
         .nesterov = nesterov},
        parallel);
  };
}

Update adamw_update() {
  return [](Block& b, const float* gradients, const Scalars& s, const ParallelFor& parallel) {
    adamw({.parameters_N = b.parameters.data(),
           .gradients_N = gradients,
           .moment1_N = b.state.data(),
           .moment2_N = b.second.data(),
           .copy_N = b.copy.data(),
           .scalars = s.pointers(),
           .N = b.size(),
           .decayed = b.size()},
          parallel);
  };
}

Update lion_update() {
  return [](Block& b, const float* gradients, const Scalars& s, const ParallelFor& parallel) {
    lion({.parameters_N = b.parameters.data(),
          .gradients_N = gradients,
          .moment_N = b.state.data(),
          .copy_N = b.copy.data(),
          .scalars = s.pointers(),
          .N = b.size(),
          .decayed = b.size(),
          .weight_decay = 0.1},
         parallel);
  };
}

Update muon_update(MuonShape shape, bool nesterov, bool match) {
  return [=](Block& b, const float* gradients, const Scalars& s, const ParallelFor& parallel) {
    const MuonPlan plan(shape, parallel.threads());
    std::vector<std::byte> memory(
        static_cast<size_t>(MuonPlan::workspace(shape, parallel.threads())) + 64);
    const size_t to_line = (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;
    plan.execute({.parameters = b.parameters.data(),
                  .gradients = gradients,
                  .velocity = b.state.data(),
                  .copy = b.copy.data(),
                  .scalars = s.pointers(),
                  .nesterov = nesterov,
                  .match_rms_adamw = match},
                 memory.data() + to_line, parallel);
  };
}

// A tensor of the reference values, or a large matrix, by its size.
AdafactorShape adafactor_shape(int64_t size) {
  if (size == 35) return {.rows = 7, .columns = 5};
  if (size == 12) return {.rows = 3, .columns = 4};
  if (size == kRows * kColumns) return {.rows = kRows, .columns = kColumns};
  return {.columns = size};
}

// What a parameter's rate and decay are multiplied by in the form of Adafactor that chooses them.
using Factors = std::function<std::pair<double, double>(const Block&, double step)>;

double root_mean_square(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += as_double(value) * as_double(value);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

Update adafactor_update(const Factors& factors, double weight_decay) {
  return [=](Block& b, const float* gradients, const Scalars& given, const ParallelFor& parallel) {
    const AdafactorShape shape = adafactor_shape(b.size());
    std::vector<double> memory(static_cast<size_t>(adafactor_workspace(shape)) / 8 + 8);
    void* at = memory.data();
    size_t space = memory.size() * 8;
    Scalars s = given;
    const auto [of_rate, of_decay] = factors(b, as_double(given.step));
    s.learning_rate = static_cast<float>(as_double(given.learning_rate) * of_rate);
    adafactor({.parameters = b.parameters.data(),
               .gradients = gradients,
               .factors = b.state.data(),
               .copy = b.copy.data(),
               .scalars = s.pointers(),
               .shape = shape,
               .weight_decay = weight_decay * of_decay,
               .workspace = std::align(64, space - 64, at, space)},
              parallel);
  };
}

// transformers' with relative_step and scale_parameter, with warmup_init too; and PyTorch's, whose
// decay does not shrink with the scaled rate. All of a learning rate of 0.01.
std::pair<double, double> relative(const Block& b, double step) {
  const double scale = std::max(1e-3, root_mean_square(b.parameters));
  return {std::min(1e-2, 1 / std::sqrt(step)) / 0.01 * scale, 1};
}
std::pair<double, double> warming(const Block& b, double step) {
  const double scale = std::max(1e-3, root_mean_square(b.parameters));
  return {std::min(1e-6 * step, 1 / std::sqrt(step)) / 0.01 * scale, 1};
}
std::pair<double, double> torchs(const Block& b, double step) {
  const double rate = relative(b, step).first;
  return {rate, 1 / rate};
}

struct Golden {
  std::string name;
  std::string previous;  // the case before it in the file: this one starts where it ended
  float learning_rate;
  double tolerance;  // the recommended one
  Update update;
};

// The file's own start tensors hold where the last case ended, for PyTorch updated them in place.
// The first case, plain SGD, tells its start by its first step.
std::vector<float> golden_start(const io::SafetensorsFile& file, const std::string& tensor,
                                const Golden& g) {
  if (!g.previous.empty()) return golden_values<float>(file, g.previous + ".10." + tensor);
  std::vector<float> start = golden_values<float>(file, g.name + ".1." + tensor);
  const auto gradients = golden_values<float>(file, "grad.1." + tensor);
  for (size_t i = 0; i < start.size(); ++i) start[i] += g.learning_rate * gradients[i];
  return start;
}

void expect_golden(const io::SafetensorsFile& file, const std::string& tensor, const Golden& g) {
  Block block{golden_start(file, tensor, g)};
  for (int step = 1; step <= 10; ++step) {
    const std::string at = "." + std::to_string(step) + "." + tensor;
    const auto gradients = golden_values<float>(file, "grad" + at);
    g.update(block, gradients.data(),
             {.learning_rate = g.learning_rate, .step = static_cast<float>(step)}, SerialFor());
    const auto expected = golden_values<float>(file, g.name + at);
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_LE(std::abs(as_double(block.parameters[i]) - as_double(expected[i])), g.tolerance)
          << g.name << at << "[" << i << "]";
      ASSERT_EQ(block.copy[i].bits, BFloat16(block.parameters[i]).bits);
    }
  }
}

TEST(OptimizerGolden, BlocksFollowPyTorchForTenSteps) {
  const std::string path = golden_file("optimizers");
  // The values are made with PyTorch and kept apart from the project.
  if (path.empty()) GTEST_SKIP() << "WEFT_GOLDEN does not name the reference values";
  const io::SafetensorsFile file{Path(path)};
  const Golden cases[] = {{"sgd", "", 0.05f, 5e-6, sgd_update(0, false, 0)},
                          {"sgd_momentum", "sgd", 0.05f, 5e-6, sgd_update(0.9, false, 0.01)},
                          {"sgd_nesterov", "sgd_momentum", 0.05f, 5e-6, sgd_update(0.9, true, 0)},
                          {"adamw", "adam_l2", 0.01f, 2e-5, adamw_update()},
                          {"lion", "adafactor_hf_fixed", 0.003f, 5e-5, lion_update()}};
  for_each_simd_target([&] {
    for (const Golden& g : cases) {
      for (const char* tensor : {"p0", "p1", "p2"}) expect_golden(file, tensor, g);
    }
  });
}

TEST(OptimizerGolden, AdafactorFollowsPyTorchAndTransformersForTenSteps) {
  const std::string path = golden_file("optimizers");
  // The values are made with PyTorch and kept apart from the project.
  if (path.empty()) GTEST_SKIP() << "WEFT_GOLDEN does not name the reference values";
  const io::SafetensorsFile file{Path(path)};
  const Golden cases[] = {
      {"adafactor_torch", "rmsprop_centered_momentum", 0.01f, 2e-5, adafactor_update(torchs, 0.01)},
      {"adafactor_hf_relative", "adafactor_torch", 0.01f, 5e-6, adafactor_update(relative, 0)},
      {"adafactor_hf_warmup_init", "adafactor_hf_relative", 0.01f, 2e-5,
       adafactor_update(warming, 0)}};
  for_each_simd_target([&] {
    for (const Golden& g : cases) {
      for (const char* tensor : {"p0", "p1", "p2"}) expect_golden(file, tensor, g);
    }
  });
}

TEST(OptimizerGolden, MuonFollowsPyTorchForTenSteps) {
  const std::string path = golden_file("optimizers");
  // The values are made with PyTorch and kept apart from the project.
  if (path.empty()) GTEST_SKIP() << "WEFT_GOLDEN does not name the reference values";
  const io::SafetensorsFile file{Path(path)};
  const MuonShape tall{7, 5}, wide{3, 4};
  for_each_simd_target([&] {
    expect_golden(file, "p0", {"muon", "lion", 0.02f, 2e-5, muon_update(tall, true, false)});
    expect_golden(file, "p2", {"muon", "lion", 0.02f, 2e-5, muon_update(wide, true, false)});
    expect_golden(file, "p0",
                  {"muon_match_rms_adamw", "muon", 0.02f, 2e-5, muon_update(tall, false, true)});
    expect_golden(file, "p2",
                  {"muon_match_rms_adamw", "muon", 0.02f, 2e-5, muon_update(wide, false, true)});
    expect_golden(
        file, "p0",
        {"muon_bf16", "muon_match_rms_adamw", 0.02f, 5e-3, muon_update(tall, true, false)});
  });
}

const std::vector<Update>& all_updates() {
  static const std::vector<Update> kUpdates = {
      sgd_update(0.9, true, 0.1), adamw_update(), lion_update(),
      muon_update({kRows, kColumns}, true, true), adafactor_update(torchs, 0.1)};
  return kUpdates;
}
constexpr int64_t kElements = kRows * kColumns;

TEST(Optimizers, ThreadsDoNotChangeBits) {
  const std::vector<float> gradients = random_values<float>(kElements, 2);
  for (const Update& update : all_updates()) {
    expect_same_bits_for_all_threads([&](const ParallelFor& parallel) {
      Block block{random_values<float>(kElements, 1)};
      update(block, gradients.data(), {.clip = 0.5f}, parallel);
      update(block, gradients.data(), {.step = 2, .clip = 0.25f}, parallel);
      return block;
    });
  }
}

TEST(Optimizers, AnUpdateThatIsNotAppliedChangesNothing) {
  std::vector<float> gradients = random_values<float>(kElements, 2);
  gradients[3] = kNaN;
  for (const Update& update : all_updates()) {
    Block block{random_values<float>(kElements, 1)};
    const Block before = block;
    update(block, gradients.data(), {.apply = 0}, SerialFor());
    EXPECT_TRUE(block == before);
  }
}

TEST(Optimizers, NaNInAGradientReachesItsParameter) {
  std::vector<float> gradients = random_values<float>(33, 2);
  gradients[32] = kNaN;
  for_each_simd_target([&] {
    for (const Update& update : {sgd_update(0.9, true, 0.1), adamw_update(), lion_update()}) {
      Block block{random_values<float>(33, 1)};
      update(block, gradients.data(), {}, SerialFor());
      for (size_t i = 0; i < 33; ++i) EXPECT_EQ(std::isnan(block.parameters[i]), i == 32) << i;
    }
  });
}

}  // namespace
}  // namespace weft::kernels::testing
