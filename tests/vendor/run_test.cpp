// Whole sessions and runs whose products are the vendor's, on the emulated device: what they take,
// what they give, and that a run which goes on makes the choices of its first process.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/strict_json.h"
#include "data/sequences.h"

#include "runtime/choice_cache.h"
#include "tests/train/training_test.h"
#include "train/run_record.h"
#include "train/text_evaluation.h"
#include "vendor_device.h"

namespace weft::train {
namespace {

using test::scripted_clock;

class VendorRun : public TrainingTest {
 protected:
  void SetUp() override {
    setenv("WEFT_TEST_DEVICE", "emulated", 1);
    setenv("WEFT_CACHE", (folder_.path() / "cache").c_str(), 1);
    scripted_clock = {.seconds = {{-1, 2.0}, {0, 1.0}, {1, 3.0}}};
  }

  PretrainConfig tiny(const std::string& name, std::vector<std::string> more) {
    more.insert(
        more.begin(),
        {"deterministic=false", "device=cuda", "model.hidden_size=16", "model.num_hidden_layers=1",
         "model.num_attention_heads=2", "model.num_key_value_heads=1", "model.intermediate_size=16",
         "sequence_len=8", "micro_batch_size=1", "eval_batches=1", "warmup_steps=1"});
    return config(name, more);
  }
  std::unique_ptr<Session> session(std::vector<std::string> more) {
    return std::make_unique<Session>(
        plan_pretraining(tiny("unused", std::move(more)), 1, true), 3,
        std::make_unique<runtime::ComputeDevice>(test::library_with_scripted_clock(), 0));
  }
  static StepResult step(Session& session, int64_t index) {
    const data::SyntheticSequences sequences(300, 8, 5);
    data::Batch batch(1, 8);
    session.begin_step(8);
    sequences.read(index, batch.row(0));
    copy_inputs(batch, session.inputs());
    session.micro_batch();
    return session.end_step(0.01);
  }
};

int64_t used_bytes() {
  int64_t free = 0, total = 0;
  test::emulated_library()->api().memory(&free, &total);
  return total - free;
}

TEST_F(VendorRun, TakesWhatIsPlannedWithTheLibrarysWorkspace) {
  for (const std::string precision : {"precision=fp32", "precision=bf16"}) {
    for (const std::string kernels : {"kernels=own", "kernels=vendor", "kernels=auto"}) {
      SCOPED_TRACE(kernels + " " + precision);
      const int64_t before = used_bytes();
      const auto s = session({kernels, precision, "document_mask=false"});
      EXPECT_EQ(used_bytes() - before, s->plan().total());
      EXPECT_EQ(s->plan().device.own > ops::KernelChooser::kWorkspaceBytes,
                kernels != "kernels=own");
    }
  }
}

// The gradient of attention by cuDNN: its workspace is a part of the arena where it may be asked.
TEST_F(VendorRun, PlansTheWorkspaceOfAttentionsGradient) {
  const auto workspaces = [this](const std::string& kernels) {
    const SessionPlan plan = plan_pretraining(tiny("unused", {kernels, "precision=bf16"}), 1, true);
    const std::vector<int64_t>& bytes = plan.step_memory.workspace_bytes;
    return std::accumulate(bytes.begin(), bytes.end(), int64_t{0});
  };
  EXPECT_GT(workspaces("kernels=vendor"), workspaces("kernels=own"));
  EXPECT_EQ(workspaces("kernels=auto"), workspaces("kernels=own"));
}

// Losses are means of 8 rows of sums of 300 terms, as in DeviceRun; bf16 rounds to one part in 512,
// here some eight times on the way.
TEST_F(VendorRun, LearnsAsWithOurKernels) {
  for (const std::string precision : {"precision=fp32", "precision=bf16"}) {
    const auto own = session({"kernels=own", precision, "document_mask=false"}),
               vendor = session({"kernels=vendor", precision, "document_mask=false"});
    EXPECT_EQ(own->device()->chooser(), nullptr);
    const bool is_float = precision == "precision=fp32";  // whose attention is ours
    EXPECT_EQ(vendor->device()->chooser()->library_in_use(),
              is_float ? "cuBLASLt 13.1.0" : "cuBLASLt 13.1.0, cuDNN 9.26.0");
    const double allowed = is_float ? 1e-4 : 0x1p-6;
    for (int i = 0; i < 2; ++i) {
      const StepResult expected = step(*own, i), actual = step(*vendor, i);
      EXPECT_LE(std::abs(actual.loss - expected.loss), allowed) << precision;
      EXPECT_LE(std::abs(actual.gradient_norm - expected.gradient_norm), allowed) << precision;
    }
  }
}

TEST_F(VendorRun, NothingIsMeasuredInsideAStep) {
  const auto s = session({"kernels=auto"});
  const int readings = scripted_clock.readings, multiplied = scripted_clock.multiplied;
  EXPECT_GT(readings, 0);
  step(*s, 0);
  step(*s, 1);
  EXPECT_EQ(scripted_clock.readings, readings);
  EXPECT_EQ(scripted_clock.multiplied, multiplied) << "a captured step prepares nothing anew";
}

TEST_F(VendorRun, MeasuringLeavesNoTrace) {
  const auto measured = session({"kernels=auto"}), asked = session({"kernels=vendor"});
  for (int i = 0; i < 2; ++i) {
    const StepResult a = step(*measured, i), b = step(*asked, i);
    EXPECT_EQ(a.loss, b.loss);
    EXPECT_EQ(a.gradient_norm, b.gradient_norm);
  }
}

TEST_F(VendorRun, DeterministicRunsMeasureNothing) {
  EXPECT_EQ(session({"kernels=auto", "deterministic=true"})->device()->chooser(), nullptr);
  EXPECT_NE(session({"kernels=vendor", "deterministic=true"})->device()->chooser(), nullptr);
  EXPECT_EQ(scripted_clock.readings, 0);
}

TEST_F(VendorRun, ARunGoesOnWithItsOwnChoicesWhateverTheCacheSays) {
  const std::vector<std::string> more = {"max_steps=3", "save_steps=3"};
  ASSERT_EQ(run(tiny("whole", more)).outcome, Outcome::kFinished);
  run_until(tiny("stopped", more), 1);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "cache")) {
    nlohmann::json cache = read_json_file(entry.path());
    for (auto& choice : cache.at("choices")) choice = "own";
    std::ofstream(entry.path()) << cache.dump();
    files += 1;
  }
  EXPECT_EQ(files, 1);
  EXPECT_EQ(run(tiny("stopped", more)).outcome, Outcome::kFinished);
  EXPECT_EQ(trace("stopped", 3), trace("whole", 3));
  EXPECT_THAT(recorder_.said("the last bits will differ"), testing::IsEmpty());
}

TEST_F(VendorRun, TheRecordNamesTheKernelOfEveryProduct) {
  run(tiny("run", {"max_steps=1", "kernels=vendor"}));
  const std::string line = read_text_file(folder_of("run") / kRunRecordFile, 1 << 20);
  const nlohmann::json record = nlohmann::json::parse(line);
  EXPECT_EQ(record.at("kernels"), "host, cuBLASLt 13.1.0");
  ASSERT_GT(record.at("products").size(), 5u);
  for (const auto& [product, kernel] : record.at("products").items())
    EXPECT_THAT(kernel.get<std::string>(), testing::StartsWith("cuBLASLt 13.1.0 #")) << product;
}

TEST_F(VendorRun, OtherKernelsAfterACheckpointAreTold) {
  run_until(tiny("run", {"max_steps=2", "kernels=vendor"}), 1);
  run(tiny("run", {"max_steps=2", "kernels=own"}));
  ASSERT_EQ(recorder_.said("the last bits will differ").size(), 1u);
  EXPECT_THAT(recorder_.said("the last bits will differ")[0],
              testing::AllOf(testing::HasSubstr("kernels host, cuBLASLt 13.1.0 on"),
                             testing::HasSubstr("now it is host on")));
}

}  // namespace
}  // namespace weft::train
