// Whole training steps on the emulated device: captured once and replayed, on one stream and on
// several, against the CPU and against one another. Two bugs are planted: a wait between streams is
// left out, and staging is written again before its copy has ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_step.h"

namespace weft::test {
namespace {

constexpr int kSteps = 4;

class DeviceSteps : public testing::Test {
 protected:
  device::Device device_{library_under_test(), 0};
};

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected,
                 float allowed) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    EXPECT_LE(std::abs(actual[i] - expected[i]), allowed) << i << ": " << expected[i];
}

// Sums of at most 64 terms of size 1 in another order, and four updates of at most 0.05 each.
TEST_F(DeviceSteps, GiveTheNumbersOfTheCpu) {
  const Trained expected = CpuStep(DType::kF32).train(kSteps);
  const Trained actual = SmallDeviceStep(device_, {}).train(kSteps);
  expect_near(actual.losses, expected.losses, 1e-4f);
  expect_near(actual.norms, expected.norms, 1e-4f);
  expect_near(actual.parameters, expected.parameters, 1e-3f);
  EXPECT_LT(actual.losses.back(), actual.losses.front());
}

TEST_F(DeviceSteps, LossesInBf16AreThoseOfTheCpuWithinRounding) {
  const Trained expected = CpuStep(DType::kBF16).train(kSteps);
  const Trained actual = SmallDeviceStep(device_, {.compute = DType::kBF16}).train(kSteps);
  expect_near(actual.losses, expected.losses, 0.03f);
}

TEST_F(DeviceSteps, BitsDependNeitherOnStreamsNorOnTheOrderOfWork) {
  const Trained expected = SmallDeviceStep(device_, {}).train(2);
  for (const DeviceOrder& order : {kDeviceOrders[1], kDeviceOrders[2], kDeviceOrders[3]}) {
    set_order(device_, order);
    EXPECT_EQ(SmallDeviceStep(device_, {.streams = 3, .seed = order.seed}).train(2), expected);
  }
}

TEST_F(DeviceSteps, ManyMicroBatchesReplayTheGraphOfOneWithTheSameBits) {
  const Trained expected = SmallDeviceStep(device_, {}).train(3);
  for (const DeviceOrder& order : {kDeviceOrders[0], kDeviceOrders[1], kDeviceOrders[2]}) {
    set_order(device_, order);
    EXPECT_EQ(SmallDeviceStep(device_, {.streams = 2, .most_in_a_graph = 1}).train(3), expected);
  }
}

TEST_F(DeviceSteps, PlannedBytesAreWhatIsBound) {
  const SmallDeviceStep step(device_, {.streams = 2});
  EXPECT_EQ(step.arena().high_water(), step.plan().persistent_bytes + step.plan().transient_bytes);
}

// Leaves out the waits of the `planted`-th instruction that waits; false if there are not so many.
bool leave_out(graph::Schedule& schedule, int planted) {
  for (graph::Step& step : schedule) {
    if (step.waits.empty() || planted-- > 0) continue;
    step.waits.clear();
    return true;
  }
  return false;
}

TEST_F(DeviceSteps, AMissingWaitBetweenStreamsShows) {
  if (device_.api().set_order == nullptr) GTEST_SKIP() << "a GPU runs in what order it likes";
  const Trained expected = SmallDeviceStep(device_, {}).train(1);
  int shown = 0;
  for (const int planted : {0, 2, 4}) {
    bool differs = false;
    for (const DeviceOrder& order : {kDeviceOrders[0], kDeviceOrders[1]}) {
      set_order(device_, order);
      const auto plant = [&](graph::Schedule& s) { EXPECT_TRUE(leave_out(s, planted)); };
      SmallDeviceStep step(device_, {.streams = 3, .seed = 1, .change = plant});
      differs = differs || !(step.train(1) == expected);
    }
    shown += differs ? 1 : 0;
  }
  EXPECT_GE(shown, 2) << "of three";  // what others imply need not show
}

// The host writes the next step's tokens while the last step's have not been copied yet.
TEST_F(DeviceSteps, StagingThatIsReusedTooEarlyShows) {
  if (device_.api().set_order == nullptr) GTEST_SKIP() << "a GPU may copy in time";
  const device::PinnedMemory staging(device_, 4);
  const device::Memory memory(device_, 4);
  device::Stream stream(device_);
  const device::CapturedGraph graph =
      stream.capture([&] { stream.copy(memory.data(), staging.data(), 4); });
  staging.data()[0] = std::byte{1};
  stream.launch(graph);
  staging.data()[0] = std::byte{2};  // planted: nobody has waited for the copy
  stream.synchronize();
  EXPECT_EQ(static_cast<int>(memory.data()[0]), 2);
}

TEST_F(DeviceSteps, StagingBytesAreWhatIsAllocated) {
  const train::StepGraph step = small_step(DType::kF32);
  const train::DeviceStepSpec spec{.micro_batches = 3,
                                   .inputs = {step.data->find("ids"), step.accumulate.id()},
                                   .results = {step.loss_sum.id()}};
  // 40 bytes of ids and 4 of the flag take 64 each, three times, and 64 for the loss; two slots.
  EXPECT_EQ(train::DeviceStep::staging_bytes(*step.data, spec), 2 * (3 * 128 + 64));
}

}  // namespace
}  // namespace weft::test
