// The plan of every config of the repository: what it promises is what programs bind.
#include <algorithm>
#include <chrono>

#include "tests/core/sanitizer.h"
#include "training_test.h"

namespace weft::train {
namespace {

Path configs() {
  const char* source = std::getenv("WEFT_SOURCE");
  return Path(source == nullptr ? "." : source) / "configs";
}

std::vector<Path> files_in(const Path& folder) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class Plan : public TrainingTest {
 protected:
  // Every runnable config, and one on each model.
  std::vector<PretrainConfig> every_config(const std::string& precision) {
    const std::vector<std::string> overrides = {"precision=" + precision};
    std::vector<PretrainConfig> result;
    for (const Path& file : files_in(configs() / "pretrain"))
      result.push_back(load_pretrain_config(file, overrides).config);
    for (const Path& file : files_in(configs() / "models")) {
      const std::string text = "base_config: " + file.string() +
                               "\ndatasets: [{path: x}]\nsequence_len: 512\nmax_steps: 1\n"
                               "output_dir: x\n";
      result.push_back(load_pretrain_config(folder_.write("m.yaml", text), overrides).config);
      result.back().output_dir = file.stem().string();
    }
    return result;
  }
};

// In parts, so that none takes long.
class PlanOfConfigs : public Plan, public testing::WithParamInterface<size_t> {};
constexpr size_t kParts = 6;

TEST_P(PlanOfConfigs, IsWhatProgramsBindAndNearTheLowerBound) {
  std::vector<PretrainConfig> all = every_config("bf16");
  for (PretrainConfig& config : every_config("fp32"))
    if (config.output_dir.starts_with("runs/")) all.push_back(std::move(config));
  ASSERT_GE(all.size(), 40u);
  for (size_t i = GetParam(); i < all.size(); i += kParts) {
    const std::string name = all[i].output_dir + " " + std::string(name_of(all[i].precision));
    const SessionPlan plan = plan_pretraining(all[i], 2);
    EXPECT_EQ(bound_bytes(plan), plan.bytes) << name;
    const PlanReport report = report_plan(plan);
    EXPECT_LE(static_cast<double>(report.transient),
              1.05 * static_cast<double>(report.transient_lower_bound))
        << name;
    EXPECT_EQ(report.total, plan.bytes);
    EXPECT_EQ(report.persistent, report.parameters + report.compute_copies + report.gradients +
                                     report.optimizer_state + report.constants +
                                     report.inputs_and_scalars + report.forward_programs +
                                     report.snapshot)
        << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, PlanOfConfigs, testing::Range(size_t{0}, kParts));

TEST_F(Plan, IsTheHighWaterMarkOfARealSession) {
  for (const std::string name : {"demo", "example", "tinyshakespeare-char"})
    for (const std::string recompute : {"none", "selective", "full"}) {
      const std::vector<std::string> overrides = {"gradient_checkpointing=" + recompute,
                                                  "micro_batch_size=1", "sequence_len=32"};
      const PretrainConfig config =
          load_pretrain_config(configs() / "pretrain" / (name + ".yaml"), overrides).config;
      Session session(plan_pretraining(config, 2), 1);
      session.begin_step(32);
      session.micro_batch();
      EXPECT_TRUE(session.end_step(1e-3).applied) << name;
      EXPECT_EQ(session.high_water_bytes(), session.plan().bytes) << name << " " << recompute;
    }
}

TEST_F(Plan, Of48LayersTakesLessThanASecond) {
  const PretrainConfig config =
      load_pretrain_config(configs() / "pretrain" / "gpt2-1558m.yaml").config;
  const auto start = std::chrono::steady_clock::now();
  const SessionPlan plan = plan_pretraining(config, 2);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  RecordProperty("seconds", std::to_string(seconds));
  std::printf("planned and differentiated 48 layers in %.3f s\n", seconds);
  EXPECT_GT(plan.bytes, int64_t{20} << 30);
#if !WEFT_UNDER_SANITIZER && defined(__OPTIMIZE__)
  EXPECT_LE(seconds, 1.0);
#endif
}

TEST_F(Plan, GrowsWithTheBatchAndShrinksWithRecompute) {
  const auto bytes = [&](std::vector<std::string> overrides) {
    return plan_pretraining(config("x", std::move(overrides)), 1).bytes;
  };
  EXPECT_GT(bytes({"micro_batch_size=16"}), bytes({"micro_batch_size=8"}));
  EXPECT_LT(
      bytes({"micro_batch_size=16", "gradient_checkpointing=full", "model.num_hidden_layers=6"}),
      bytes({"micro_batch_size=16", "model.num_hidden_layers=6"}));
}

}  // namespace
}  // namespace weft::train
