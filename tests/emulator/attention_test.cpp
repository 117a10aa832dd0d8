// Attention for GPUs, emulated: against the naive computation in double, for masks, groups, widths
// and edges of tiles, in every order of threads.
#include "attention_pass.h"

namespace weft::emulator::testing {
namespace {

using Case = AttentionCase;
template <class T>
using Pass = AttentionPass<T>;

// One query; a tile and its edges; longer caches than queries; groups; windows; documents; rows
// that see nothing; widths that are padded; rows that no vector fits.
std::vector<Case> cases() {
  const AttentionShape grouped{1, 70, 70, 4, 2, 16}, wide{1, 9, 9, 1, 1, 128};
  return {{.shape = {1, 1, 1, 1, 1, 8}},
          {.shape = {2, 64, 64, 2, 2, 64}, .causal = false},
          {.shape = {1, 65, 65, 1, 1, 24}},
          {.shape = grouped},
          {.shape = grouped, .window = 9},
          {.shape = grouped, .causal = false, .range = two_documents(grouped)},
          {.shape = {1, 5, 130, 2, 1, 32}},
          {.shape = {1, 20, 7, 1, 1, 16}},  // queries before the first key see none
          {.shape = wide},
          {.shape = {1, 9, 9, 1, 1, 200}, .causal = false},
          {.shape = {1, 33, 33, 3, 3, 7}, .gap = 3},
          {.shape = grouped, .dropout = 0.3f}};
}

template <class T>
class EmulatedAttentionOf : public ::testing::Test {};
using ElementTypes = ::testing::Types<float, BFloat16>;
TYPED_TEST_SUITE(EmulatedAttentionOf, ElementTypes);

TYPED_TEST(EmulatedAttentionOf, ForwardMatchesTheNaiveOne) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(std::to_string(c.shape.T) + " x " + std::to_string(c.shape.S) + " D " +
                 std::to_string(c.shape.D) + " window " + std::to_string(c.window));
    expect_forward_matches<TypeParam>(c);
  }
}

TYPED_TEST(EmulatedAttentionOf, BackwardMatchesTheNaiveOne) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(std::to_string(c.shape.T) + " x " + std::to_string(c.shape.S) + " D " +
                 std::to_string(c.shape.D) + " window " + std::to_string(c.window));
    expect_backward_matches<TypeParam>(c);
  }
}

TYPED_TEST(EmulatedAttentionOf, HasTheSameBitsInEveryOrder) {
  const Case c{.shape = {1, 66, 66, 2, 1, 24}, .dropout = 0.2f};
  expect_same_bits_in_every_order([&] {
    Pass<TypeParam> r(c);
    r.forward();
    r.backward();
    return r.bits();
  });
}

// A key made on the device of seed, step and place is the one that the host makes.
TYPED_TEST(EmulatedAttentionOf, MakesTheKeyOfDropoutOnTheDevice) {
  constexpr uint64_t kPlace = 9;
  const Case c{.shape = {2, 20, 20, 1, 1, 16}, .dropout = 0.4f};
  DeviceArray<int64_t> rng(std::vector<int64_t>{1234, 7, 1000}, "rng");
  const PhiloxBlock words = philox(1234, kPlace, 7);
  const uint64_t key = static_cast<uint64_t>(words[1]) << 32 | words[0];
  Pass<TypeParam> on_host(c), on_device(c);
  on_host.dropout_key = key;
  on_host.first_sample = 1000;
  on_device.random = {rng.data(), kPlace};
  for (Pass<TypeParam>* pass : {&on_host, &on_device}) {
    pass->forward();
    pass->backward();
  }
  EXPECT_EQ(on_host.bits(), on_device.bits());
}

TEST(EmulatedAttentionThreads, HasNoRaceBetweenBlocks) {
  const Case c{.shape = {1, 70, 70, 2, 1, 16}};
  expect_same_bits_on_workers([&] {
    Pass<BFloat16> r(c);
    r.forward();
    r.backward();
    return r.bits();
  });
}

// A GPU for desktops: what it has no shared memory for it says, and computes the rest.
TEST(EmulatedAttention, RefusesHeadsThatSharedMemoryDoesNotHold) {
  const ScopedComputeCapability desktop(89);
  expect_backward_matches<BFloat16>({.shape = {1, 9, 9, 1, 1, 128}});
  const Case wide{.shape = {1, 9, 9, 1, 1, 200}};
  Pass<BFloat16> pass(wide);
  EXPECT_THROW(pass.forward(), Error);
  EXPECT_THROW(pass.backward(), Error);
}

TEST(EmulatedAttention, RefusesWiderHeads) {
  kernels::AttentionForwardOnDevice<BFloat16> call;
  call.args.shape = {1, 1, 1, 1, 1, 257};
  EXPECT_THROW(attention_forward(cuda::Stream{}, call), Error);
}

}  // namespace
}  // namespace weft::emulator::testing
