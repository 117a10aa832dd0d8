// 50 losses of a small model on the emulated device, beside the CPU's. How far they may be apart:
// loss_curve.h. Reference models take minutes there: tests/golden.
#include "loss_curve.h"

#include <gmock/gmock.h>

#include "data/sequences.h"
#include "tests/train/training_test.h"
#include "train/text_evaluation.h"

namespace weft::train {
namespace {

constexpr int kSteps = 50;
constexpr test::CurveSums kSums{.terms = 64, .results = 24};  // one block, there and back

class DeviceLossCurve : public TrainingTest {
 protected:
  void SetUp() override { setenv("WEFT_TEST_DEVICE", "emulated", 0); }  // or a GPU

  std::unique_ptr<Session> session(bool on_device) {
    const PretrainConfig c =
        config("unused", {"model.hidden_size=16", "model.num_hidden_layers=1",
                          "model.num_attention_heads=2", "model.num_key_value_heads=1",
                          "model.intermediate_size=16", "sequence_len=8", "micro_batch_size=1"});
    auto device = on_device ? runtime::open_device(runtime::choose_device("cuda")) : nullptr;
    return std::make_unique<Session>(plan_pretraining(c, 1, on_device), 3, std::move(device));
  }
  // One batch again and again, so that the loss falls.
  static std::vector<double> curve_of(Session& session) {
    const data::SyntheticSequences sequences(300, 8, 5);
    data::Batch batch(1, 8);
    sequences.read(0, batch.row(0));
    std::vector<double> losses;
    for (int i = 0; i < kSteps; ++i) {
      session.begin_step(8);
      copy_inputs(batch, session.inputs());
      session.micro_batch();
      losses.push_back(session.end_step(0.003).loss);
    }
    return losses;
  }
};

TEST_F(DeviceLossCurve, FiftyLossesAreThoseOfTheCpu) {
  const std::vector<double> expected = curve_of(*session(false)), actual = curve_of(*session(true));
  const std::vector<double> limits = test::allowed_differences(expected, [this](uint64_t draw) {
    const auto changed = session(false);
    test::perturb(*changed, draw, kSums);
    return curve_of(*changed);
  });
  EXPECT_LT(expected.back(), expected.front() - 0.5);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_LE(std::abs(actual[i] - expected[i]), limits[i])
        << "step " << i << ": " << actual[i] << ", on the CPU " << expected[i];
  EXPECT_LE(limits.back(), 1e-2) << "of losses around 3: wide enough to hide a mistake";
}

}  // namespace
}  // namespace weft::train
