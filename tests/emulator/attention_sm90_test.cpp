// Attention for Hopper, forward and backward, emulated: against the naive computation in double,
// for masks, groups, widths and edges of tiles, in every order of threads; and that it runs where
// it is meant to.
#include "kernels/attention/attention_sm90.h"

#include "attention_pass.h"

namespace weft::emulator::testing {
namespace {

using Case = AttentionCase;

struct Hopper {
  ScopedComputeCapability capability{90};
};

// One query; tiles of 128 and their edges; each width of head, and one between; longer caches than
// queries, and shorter ones; groups; windows; documents.
std::vector<Case> cases() {
  const AttentionShape grouped{2, 150, 150, 2, 1, 64}, wide{1, 70, 70, 1, 1, 256};
  return {{.shape = {1, 1, 1, 1, 1, 8}},
          {.shape = {1, 128, 128, 1, 1, 64}, .causal = false},
          {.shape = {1, 129, 300, 1, 1, 64}},
          {.shape = grouped},
          {.shape = grouped, .window = 9},
          {.shape = grouped, .causal = false, .range = two_documents(grouped)},
          {.shape = {1, 20, 7, 1, 1, 16}},  // queries before the first key see none
          {.shape = {1, 140, 140, 1, 1, 96}},
          {.shape = {1, 40, 270, 2, 1, 80}, .causal = false},
          {.shape = {1, 260, 260, 1, 1, 128}},
          {.shape = wide},
          {.shape = wide, .causal = false, .range = two_documents(wide)},
          {.shape = {2, 130, 190, 2, 1, 136}, .window = 70},
          {.shape = {1, 20, 7, 1, 1, 200}}};
}

TEST(EmulatedAttentionSm90, MatchesTheNaiveOne) {
  const Hopper hopper;
  for (const Case& c : cases()) {
    SCOPED_TRACE(std::to_string(c.shape.T) + " x " + std::to_string(c.shape.S) + " D " +
                 std::to_string(c.shape.D) + " window " + std::to_string(c.window));
    expect_forward_matches<BFloat16>(c);
  }
}

TEST(EmulatedAttentionSm90, BackwardMatchesTheNaiveOne) {
  const Hopper hopper;
  for (const Case& c : cases()) {
    SCOPED_TRACE(std::to_string(c.shape.T) + " x " + std::to_string(c.shape.S) + " D " +
                 std::to_string(c.shape.D) + " window " + std::to_string(c.window));
    expect_backward_matches<BFloat16>(c);
  }
}

TEST(EmulatedAttentionSm90, HasTheSameBitsInEveryOrder) {
  const Hopper hopper;
  for (const Case& c :
       {Case{.shape = {1, 70, 300, 2, 1, 64}}, Case{.shape = {1, 70, 140, 2, 1, 256}}}) {
    expect_same_bits_in_every_order([&] {
      AttentionPass<BFloat16> r(c);
      r.forward();
      r.backward();
      return r.bits();
    });
  }
}

TEST(EmulatedAttentionSm90Threads, HasNoRaceBetweenBlocks) {
  const Hopper hopper;
  for (const Case& c :
       {Case{.shape = {1, 140, 140, 2, 1, 64}}, Case{.shape = {1, 140, 70, 2, 1, 256}}}) {
    expect_same_bits_on_workers([&] {
      AttentionPass<BFloat16> r(c);
      r.forward();
      r.backward();
      return r.bits();
    });
  }
}

// Forward, tiles of 128 keys, not 64, tell the kernels apart.
TEST(EmulatedAttentionSm90, RunsOnHopperWhereTheCallFits) {
  const Case c{.shape = {1, 200, 200, 1, 1, 64}};
  const auto bits = [&](int capability) {
    const ScopedComputeCapability scope(capability);
    AttentionPass<BFloat16> r(c);
    r.forward();
    return r.bits();
  };
  EXPECT_EQ(bits(80), bits(89));
  EXPECT_NE(bits(80), bits(90));
  EXPECT_EQ(bits(80), bits(100));  // what is for sm_90a does not run on what comes after
}

// The second kernel of a backward pass, told by the fault that keys outside the device make.
std::string backward_kernel(int capability, int64_t width = 64, float dropout = 0.0f) {
  const ScopedComputeCapability scope(capability);
  const AttentionShape s{1, 64, 64, 1, 1, width};
  static const std::vector<float> kOnHost(size_t{1} << 14);
  const auto* host = reinterpret_cast<const char*>(kOnHost.data());
  host += 64 - reinterpret_cast<uintptr_t>(host) % 64;
  DeviceArray<BFloat16> rows(std::vector<BFloat16>(static_cast<size_t>(64 * width), BFloat16(0.0f)),
                             "rows");
  DeviceArray<float> lse(std::vector<float>(64, 0.0f), "lse");
  DeviceArray<uint8_t> workspace(kernels::attention_backward_workspace_cuda(s), "workspace");
  const HeadRows<BFloat16> heads{rows.data(), 64 * width, width};
  const HeadRows<const BFloat16> read{rows.data(), 64 * width, width};
  const AttentionBackward<BFloat16> args{
      .shape = s,
      .dropout = {.p = dropout},
      .q = read,
      .k = {reinterpret_cast<const BFloat16*>(host), 64 * width, width},
      .v = read,
      .out = read,
      .dout = read,
      .lse_BHT = lse.data(),
      .dq = heads,
      .dk = heads,
      .dv = heads};
  const std::string text =
      finding_of([&] {
        attention_backward(cuda::Stream{}, kernels::AttentionBackwardOnDevice<BFloat16>{
                                               args, {}, workspace.data()});
      }).message;
  const size_t begin = text.find("kernel ") + 7;
  return text.substr(begin, text.find(", block") - begin);
}

TEST(EmulatedAttentionSm90, GoesBackOnHopperWhereTheCallFits) {
  EXPECT_EQ(backward_kernel(80), "attention_backward_keys");
  EXPECT_EQ(backward_kernel(90), "attention_backward_keys_sm90");
  EXPECT_EQ(backward_kernel(100), "attention_backward_keys");
  EXPECT_EQ(backward_kernel(90, 128, 0.1f), "attention_backward_keys_sm90");
  EXPECT_EQ(backward_kernel(90, 136), "attention_backward_wide_keys_sm90");
  EXPECT_EQ(backward_kernel(90, 136, 0.1f), "attention_backward_wide_keys_sm90");
}

// Rows that the copy engine cannot be told of are left to the plain kernel.
TEST(EmulatedAttentionSm90, LeavesTheRestToThePlainKernel) {
  const Hopper hopper;
  for (const Case& c : {Case{.shape = {1, 33, 33, 3, 3, 7}, .gap = 3},
                        Case{.shape = {1, 33, 33, 1, 1, 16}, .gap = 4}}) {
    expect_forward_matches<BFloat16>(c);
    expect_backward_matches<BFloat16>(c);
  }
}

}  // namespace
}  // namespace weft::emulator::testing
