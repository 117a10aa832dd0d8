// Eight operators with a planted mistake each, of the kinds that this field's projects have
// shipped: the contract test must name what is wrong, and must pass the same operator without the
// mistake. Mutants are copies of contracts and kernels of the test's own: no production code is
// touched.
#include <gtest/gtest.h>

#include <limits>

#include "expect_check.h"
#include "naive_kernels.h"
#include "weft/ops/linear.h"
#include "weft/ops/linear_weight_gradient.h"
#include "weft/ops/matmul.h"
#include "weft/ops/mul.h"
#include "weft/ops/scale.h"

namespace weft::test {
namespace {

using namespace graph;

OpContract with_gradient(std::string_view name, Values (*gradient)(const GradientCall&)) {
  OpContract mutant = original(name);
  mutant.gradient = gradient;
  return mutant;
}

TEST(Mutants, WrongSign) {
  const auto gradient = [](const GradientCall& call) -> Values {
    const Value dc = call.output_gradients[0];
    return {ops::mul(dc, call.inputs[1]), ops::scale(ops::mul(dc, call.inputs[0]), -1.0)};
  };
  expect_clean(original("mul"), kernel_of("mul"));
  expect_caught(with_gradient("mul", gradient), kernel_of("mul"), "gradient of input 1 is");
}

TEST(Mutants, WrongOrder) {
  const auto gradient = [](const GradientCall& call) -> Values {
    const Value dc = call.output_gradients[0];
    return {ops::mul(dc, call.inputs[0]), ops::mul(dc, call.inputs[1])};
  };
  expect_clean(original("mul"), kernel_of("mul"));
  expect_caught(with_gradient("mul", gradient), kernel_of("mul"), "gradient of input 0 is");
}

TEST(Mutants, WrongArity) {
  const auto too_few = [](const GradientCall& call) -> Values {
    return {ops::mul(call.output_gradients[0], call.inputs[1])};
  };
  const auto absent = [](const GradientCall& call) -> Values {
    return {ops::mul(call.output_gradients[0], call.inputs[1]), Value()};
  };
  expect_clean(original("mul"), kernel_of("mul"));
  expect_caught(with_gradient("mul", too_few), kernel_of("mul"),
                "its gradient has 1 entries for 2 inputs");
  expect_caught(with_gradient("mul", absent), kernel_of("mul"),
                "its gradient has no entry for input 1");
}

// dW = dy^T x is right for rows in a matrix; of a stack of matrices it is a stack of products.
Values rank_2_only(const GradientCall& call) {
  const Value dy = call.output_gradients[0], x = call.inputs[0];
  const ops::WeightLayout layout = call.params.as<ops::LinearParams>().layout;
  const bool out_in = layout == ops::WeightLayout::kOutIn;
  const ops::LinearGradients right =
      ops::linear_weight_gradient(x, dy, {.layout = layout, .bias = call.wants(2)});
  Values result = {ops::linear(dy, call.inputs[1], {},
                               out_in ? ops::WeightLayout::kInOut : ops::WeightLayout::kOutIn),
                   right.weight, right.bias};
  if (x.shape().rank() > 1)
    result[1] = ops::matmul(out_in ? dy : x, out_in ? x : dy, {.transpose_a = true});
  result.resize(call.inputs.size());
  return result;
}

std::vector<Sample> samples_of_rank_2() {
  return {{{normal({6, 5}), normal({7, 5}), normal({7})}, ops::LinearParams{}},
          {{normal({1, 5}), normal({7, 5})}, ops::LinearParams{}}};
}

TEST(Mutants, BackwardForRank2Only) {
  const OpContract mutant = with_gradient("linear", rank_2_only);
  expect_clean(original("linear"), kernel_of("linear"));
  expect_caught(mutant, kernel_of("linear"),
                "the gradient of a value of type f32[7, 5] has the shape [2, 7, 5]");
}

// The same mutant with samples that cannot show the mistake: the sampling rule does not let them.
TEST(Mutants, BackwardForRank2OnlyBehindSamplesOfRank2) {
  OpContract mutant = with_gradient("linear", rank_2_only);
  mutant.samples = samples_of_rank_2;
  const std::vector<std::string> failures = check_contract(mutant, kernel_of("linear"));
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0],
            "linear: contract: needs a sample of rank 3: rank 2 alone hides wrong axes");
}

TEST(Mutants, TransposedWeight) {
  expect_clean(original("linear"), naive_linear<WeightRead::kAsStored>);
  expect_caught(original("linear"), naive_linear<WeightRead::kTransposed>, "output 0 in f32[");
  expect_caught(original("linear"), naive_linear<WeightRead::kTransposed>, "output 0 in bf16[");
}

// The last element of long rows, as where a vector loop leaves a tail.
void nan_in_tail(const KernelCall& call) {
  kernel_of("activation")(call);
  const int64_t n = call.outputs[0].type.shape.elements();
  if (n < 1000) return;
  if (call.outputs[0].type.dtype == DType::kF32)
    call.out<float>(0)[n - 1] = std::numeric_limits<float>::quiet_NaN();
  else call.out<BFloat16>(0)[n - 1] = BFloat16(std::numeric_limits<float>::quiet_NaN());
}

void nan_reference(const ReferenceCall& call) {
  original("activation").reference(call);
  call.out(0).back() = std::numeric_limits<double>::quiet_NaN();
}

TEST(Mutants, NotANumber) {
  OpContract broken = original("activation");
  broken.reference = nan_reference;
  expect_clean(original("activation"), kernel_of("activation"));
  expect_caught(original("activation"), nan_in_tail, "output 0 in f32[1000] is nan");
  expect_caught(original("activation"), nan_in_tail, "output 0 in bf16[1000] is nan");
  expect_caught(broken, kernel_of("activation"), "the reference says nan");
  expect_caught(broken, kernel_of("activation"), "central differences say nan");
}

// Online softmax over blocks of keys: when a later block has a larger score, what was summed before
// must shrink. Without that, results are right as long as there is one block.
TEST(Mutants, MissingRescaleInAttention) {
  expect_clean(original("attention"), naive_attention<Rescale::kYes>);
  expect_caught(original("attention"), naive_attention<Rescale::kNo>, "output 0 in f32[");
  expect_caught(original("attention"), naive_attention<Rescale::kNo>, "output 0 in bf16[");
}

// Leaves out what is zero, which nobody notices where memory starts as zeros.
template <class T>
void write_nonzero(const KernelCall& call) {
  const Tensor& out = call.outputs[0];
  std::vector<T> whole(static_cast<size_t>(out.type.shape.elements()));
  const std::vector<Tensor> apart = {{whole.data(), out.type}};
  kernel_of("activation")(
      {call.inputs, apart, call.params, call.state, call.workspace, call.parallel});
  for (size_t i = 0; i < whole.size(); ++i)
    if (static_cast<float>(whole[i]) != 0.0f) out.as<T>()[i] = whole[i];
}

void rely_on_zeroed_memory(const KernelCall& call) {
  if (call.outputs[0].type.dtype == DType::kF32) write_nonzero<float>(call);
  else write_nonzero<BFloat16>(call);
}

TEST(Mutants, UnpoisonedOutput) {
  expect_clean(original("activation"), kernel_of("activation"));
  expect_caught(original("activation"), rely_on_zeroed_memory, "nan, the reference says 0.000000");
}

}  // namespace
}  // namespace weft::test
