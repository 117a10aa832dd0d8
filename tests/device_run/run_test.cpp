// Whole runs on the emulated device, as `device: cuda` makes them: against the CPU's, resumed, and
// in every order of work.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/device/emulated_device.h"
#include "tests/train/training_test.h"

namespace weft::train {
namespace {

using testing::HasSubstr;

const std::string kLlama =
    "{model_type: llama, hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, "
    "num_key_value_heads: 1, intermediate_size: 16, vocab_size: 260, max_position_embeddings: 16, "
    "tie_word_embeddings: true}";
const std::string kGpt2 =
    "{model_type: gpt2, n_embd: 16, n_layer: 1, n_head: 2, vocab_size: 260, n_positions: 16, "
    "resid_pdrop: 0.1, embd_pdrop: 0.1, attn_pdrop: 0.1}";

class DeviceRun : public TrainingTest {
 protected:
  void SetUp() override { setenv("WEFT_TEST_DEVICE", "emulated", 0); }  // or a GPU
  void TearDown() override {
    test::emulated_library()->api().set_order(device::Order::kForward, 0);
  }

  PretrainConfig toy(const std::string& name, const std::string& model,
                     std::vector<std::string> more = {}) {
    const std::string text = "model: " + model +
                             "\nsequence_len: 8\nmicro_batch_size: 1\nmax_steps: 4\n"
                             "learning_rate: 1e-2\nlogging_steps: 1\neval_batches: 1\n"
                             "threads: 1\nreport_to: []\ndevice: cuda\n"
                             "datasets: [{path: " +
                             default_tokens().string() +
                             "}]\noutput_dir: " + (folder_ / name).string() + "\n";
    return load_pretrain_config(folder_.write("toy.yaml", text), more).config;
  }
  std::vector<report::LogRecord> records_of(const std::string& name) const {
    return report::read_log(real_file_system(), folder_of(name) / kRunLogFile).records;
  }
};

class DeviceRunOf : public DeviceRun, public testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Models, DeviceRunOf, testing::Values(kLlama, kGpt2),
                         [](const auto& test) { return test.param == kLlama ? "llama" : "gpt2"; });

// Losses of about 5.6 are means of 8 rows of sums of 260 terms; a step moves parameters by at most
// its rate, and what rounding adds to a gradient's sign near 0 is seen in few of them.
TEST_P(DeviceRunOf, LearnsAsOnTheCpu) {
  const std::vector<std::string> more = {"max_steps=2", "gradient_accumulation_steps=2"};
  run(toy("emulated", GetParam(), more));
  run(toy("cpu", GetParam(), {more[0], more[1], "device=cpu"}));
  const auto expected = records_of("cpu"), actual = records_of("emulated");
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].loss.has_value(), expected[i].loss.has_value());
    if (actual[i].loss) {
      EXPECT_LE(std::abs(*actual[i].loss - *expected[i].loss), 1e-4) << i;
      EXPECT_LE(std::abs(*actual[i].grad_norm - *expected[i].grad_norm), 1e-4) << i;
    } else {
      EXPECT_LE(std::abs(*actual[i].eval_loss - *expected[i].eval_loss), 1e-4) << i;
    }
  }
}

TEST_P(DeviceRunOf, AnInterruptedRunEndsAsOneThatWasNot) {
  const std::vector<std::string> more = {"max_steps=3", "eval_steps=2", "save_steps=2"};
  ASSERT_EQ(run(toy("whole", GetParam(), more)).outcome, Outcome::kFinished);
  const PretrainResult part = run_until(toy("stopped", GetParam(), more), 1);
  EXPECT_EQ(part.outcome, Outcome::kInterrupted);
  EXPECT_TRUE(has_checkpoint("stopped", part.updates));
  EXPECT_EQ(run(toy("stopped", GetParam(), more)).outcome, Outcome::kFinished);
  EXPECT_EQ(trace("stopped", 3), trace("whole", 3));
}

TEST_F(DeviceRun, GoesOnFromACheckpointOfTheCpuAndSaysSo) {
  run_until(toy("run", kLlama, {"device=cpu"}), 2);
  EXPECT_EQ(run(toy("run", kLlama)).outcome, Outcome::kFinished);
  ASSERT_EQ(recorder_.said("the last bits will differ").size(), 1u);
  const bool emulated = std::string(std::getenv("WEFT_TEST_DEVICE")) == "emulated";
  EXPECT_THAT(recorder_.said("the last bits will differ")[0],
              HasSubstr(emulated ? "emulated on the host" : "NVIDIA"));
}

TEST_F(DeviceRun, BitsDoNotDependOnTheOrderOfWork) {
  const auto trained = [&](const std::string& name, device::Order order, uint64_t seed) {
    test::emulated_library()->api().set_order(order, seed);
    run(toy(name, kGpt2, {"max_steps=2", "precision=bf16"}));
    return trace(name, 2);
  };
  const Trace expected = trained("forward", device::Order::kForward, 0);
  EXPECT_EQ(trained("reversed", device::Order::kReversed, 0), expected);
  EXPECT_EQ(trained("shuffled", device::Order::kShuffled, 5), expected);
}

TEST_F(DeviceRun, SamplesAreWrittenFromTheDevicesCaches) {
  const std::vector<std::string> more = {"max_steps=1", "sample_prompts=[wa]",
                                         "sample_max_new_tokens=3", "sample_temperature=0"};
  run(toy("emulated", kLlama, more));
  std::vector<std::string> on_cpu = more;
  on_cpu.push_back("device=cpu");
  run(toy("cpu", kLlama, on_cpu));
  const auto sample = [&](const std::string& name) { return records_of(name).back().samples; };
  ASSERT_EQ(sample("emulated").size(), 1u);
  EXPECT_EQ(sample("emulated")[0].text, sample("cpu")[0].text);
}

TEST_F(DeviceRun, ANaNIsFoundWhereItArises) {
  const auto run = std::make_unique<Pretrainer>(
      toy("run", kLlama, {"max_steps=2"}),
      PretrainOptions{.listener = &recorder_, .roof_seconds = 0, .locate_nan = true});
  for (const NamedTensor& entry : run->session().parameters())
    if (entry.name.find("norm") != std::string::npos) entry.tensor.as<float>()[3] = std::nanf("");
  run->session().parameters_changed();
  const PretrainResult result = run->run();
  EXPECT_EQ(result.outcome, Outcome::kDiverged);
  EXPECT_THAT(result.reason, HasSubstr("is the first whose result is not finite"));
  EXPECT_THAT(result.reason, HasSubstr("rms_norm"));
}

}  // namespace
}  // namespace weft::train
