// Muon for GPUs, emulated: against the CPU's, in every order of threads.
#include "emulated.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "tests/kernels_rows/helpers.h"

namespace weft::emulator::testing {
namespace {

using kernels::MuonShape;
using kernels::testing::expect_close;
using kernels::testing::random_values;

struct Pass {
  MuonShape shape;
  DeviceArray<float> parameters, gradients, velocity, scalars;
  DeviceArray<BFloat16> copy;

  explicit Pass(MuonShape s, float apply = 1.0f)
      : shape(s),
        parameters(random_values<float>(s.elements(), 1), "parameters"),
        gradients(random_values<float>(s.elements(), 2), "gradients"),
        velocity(random_values<float>(s.elements(), 3), "velocity"),
        scalars(std::vector<float>{0.02f, 3.0f, 0.5f, apply}, "scalars"),
        copy(random_values<BFloat16>(s.elements(), 4), "copy") {}

  kernels::Muon args() {
    float* at = scalars.data();
    return {.parameters = parameters.data(),
            .gradients = gradients.data(),
            .velocity = velocity.data(),
            .copy = copy.data(),
            .scalars = {.learning_rate = at, .step = at + 1, .clip = at + 2, .apply = at + 3}};
  }
  void run_emulated() {
    DeviceArray<uint8_t> workspace(kernels::muon_workspace_cuda(shape), "workspace");
    kernels::muon(cuda::Stream{}, {.args = args(), .shape = shape, .workspace = workspace.data()});
  }
  void run_on_cpu() {
    const kernels::MuonPlan plan(shape, 1);
    DeviceArray<std::byte> workspace(kernels::MuonPlan::workspace(shape, 1), "workspace");
    plan.execute(args(), workspace.data(), SerialFor());
  }
  std::string bits() const { return parameters.bits() + velocity.bits() + copy.bits(); }
};

std::vector<double> doubles(std::span<const float> values) {
  return {values.begin(), values.end()};
}

// Fifteen products of float sums one after another: each may add a few units of the last place,
// which the polynomial's slope (at most 3.4445) multiplies five times.
TEST(EmulatedMuon, MatchesTheCpu) {
  for (const MuonShape shape : {MuonShape{1, 1}, {3, 17}, {17, 3}, {33, 65}, {40, 40}}) {
    SCOPED_TRACE(std::to_string(shape.rows) + " x " + std::to_string(shape.columns));
    Pass mine(shape), cpu(shape);
    mine.run_emulated();
    cpu.run_on_cpu();
    expect_close(mine.velocity.values(), doubles(cpu.velocity.values()), 1e-6, "velocity");
    expect_close(mine.parameters.values(), doubles(cpu.parameters.values()), 1e-4, "parameters");
    for (size_t i = 0; i < mine.copy.values().size(); ++i)
      EXPECT_EQ(mine.copy.values()[i].bits, BFloat16(mine.parameters.values()[i]).bits);
  }
}

TEST(EmulatedMuon, ChangesNothingWhereTheStepIsNotApplied) {
  Pass pass({5, 9}, 0.0f);
  const std::string before = pass.bits();
  pass.run_emulated();
  EXPECT_TRUE(pass.bits() == before);
}

TEST(EmulatedMuon, HasTheSameBitsInEveryOrder) {
  expect_same_bits_in_every_order([] {
    Pass pass({17, 30});
    pass.run_emulated();
    return pass.bits();
  });
}

TEST(EmulatedMuonThreads, HasNoRaceBetweenBlocks) {
  expect_same_bits_on_workers([] {
    Pass pass({20, 70});
    pass.run_emulated();
    return pass.bits();
  });
}

}  // namespace
}  // namespace weft::emulator::testing
