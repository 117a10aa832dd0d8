// Adafactor for GPUs, emulated: against the CPU's, in every order of threads.
#include "emulated.h"
#include "kernels/optimizer/optimizer_cuda.h"
#include "tests/kernels_rows/helpers.h"

namespace weft::emulator::testing {
namespace {

using kernels::AdafactorShape;
using kernels::testing::expect_close;
using kernels::testing::random_values;

std::vector<float> squares(int64_t n) {
  std::vector<float> values = random_values<float>(n, 3);
  for (float& value : values) value = 0.1f + value * value;
  return values;
}

struct Pass {
  AdafactorShape shape;
  DeviceArray<float> parameters, gradients, factors, scalars;
  DeviceArray<BFloat16> copy;

  explicit Pass(AdafactorShape s, float apply = 1.0f)
      : shape(s),
        parameters(random_values<float>(s.elements(), 1), "parameters"),
        gradients(random_values<float>(s.elements(), 2), "gradients"),
        factors(squares(s.factors()), "factors"),
        scalars(std::vector<float>{0.02f, 3.0f, 0.5f, apply}, "scalars"),
        copy(random_values<BFloat16>(s.elements(), 4), "copy") {}

  kernels::Adafactor args(void* workspace) {
    float* at = scalars.data();
    return {.parameters = parameters.data(),
            .gradients = gradients.data(),
            .factors = factors.data(),
            .copy = copy.data(),
            .scalars = {.learning_rate = at, .step = at + 1, .clip = at + 2, .apply = at + 3},
            .shape = shape,
            .clip_threshold = 0.2,
            .weight_decay = 0.1,
            .workspace = workspace};
  }
  void run_emulated() {
    DeviceArray<uint8_t> workspace(kernels::adafactor_workspace_cuda(shape), "workspace");
    kernels::adafactor(cuda::Stream{}, args(workspace.data()));
  }
  void run_on_cpu() {
    DeviceArray<std::byte> workspace(kernels::adafactor_workspace(shape), "workspace");
    kernels::adafactor(args(workspace.data()), SerialFor());
  }
  std::string bits() const { return parameters.bits() + factors.bits() + copy.bits(); }
};

std::vector<double> doubles(std::span<const float> values) {
  return {values.begin(), values.end()};
}

TEST(EmulatedAdafactor, MatchesTheCpu) {
  const AdafactorShape shapes[] = {{1, 1},    {3, 17},        {70, 5},          {33, 64},
                                   {2, 1100}, {.columns = 1}, {.columns = 2051}};
  for (const AdafactorShape shape : shapes) {
    SCOPED_TRACE(std::to_string(shape.rows) + " x " + std::to_string(shape.columns));
    Pass mine(shape), cpu(shape);
    mine.run_emulated();
    cpu.run_on_cpu();
    expect_close(mine.factors.values(), doubles(cpu.factors.values()), 1e-6, "factors");
    expect_close(mine.parameters.values(), doubles(cpu.parameters.values()), 1e-6, "parameters");
    for (size_t i = 0; i < mine.copy.values().size(); ++i)
      EXPECT_EQ(mine.copy.values()[i].bits, BFloat16(mine.parameters.values()[i]).bits);
  }
}

TEST(EmulatedAdafactor, ChangesNothingWhereTheStepIsNotApplied) {
  for (const AdafactorShape shape : {AdafactorShape{5, 9}, {.columns = 9}}) {
    Pass pass(shape, 0.0f);
    const std::string before = pass.bits();
    pass.run_emulated();
    EXPECT_TRUE(pass.bits() == before);
  }
}

TEST(EmulatedAdafactor, HasTheSameBitsInEveryOrder) {
  for (const AdafactorShape shape : {AdafactorShape{37, 30}, {.columns = 1030}}) {
    expect_same_bits_in_every_order([&] {
      Pass pass(shape);
      pass.run_emulated();
      return pass.bits();
    });
  }
}

TEST(EmulatedAdafactorThreads, HasNoRaceBetweenBlocks) {
  expect_same_bits_on_workers([] {
    Pass pass({40, 70});
    pass.run_emulated();
    return pass.bits();
  });
}

}  // namespace
}  // namespace weft::emulator::testing
