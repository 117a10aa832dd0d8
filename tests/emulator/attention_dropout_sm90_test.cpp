// Dropout of attention for Hopper, emulated: that exactly those probabilities are dropped that the
// numbers of attention.h say, as in the plain kernels; and in every order of threads.
#include "attention_pass.h"
#include "kernels/attention/attention_device.h"
#include "kernels/attention/attention_sm90.h"

namespace weft::emulator::testing {
namespace {

using Case = AttentionCase;

// Row r of each head is the unit vector of r - first, or zeros.
std::vector<BFloat16> unit_rows(const AttentionShape& s, int64_t tokens, int64_t heads,
                                int64_t first) {
  std::vector<BFloat16> rows(static_cast<size_t>(s.B * tokens * heads * s.D), BFloat16(0.0f));
  for (int64_t row = 0; row < s.B * tokens * heads; ++row) {
    const int64_t at = row / heads % tokens - first;
    if (at >= 0 && at < s.D) rows[static_cast<size_t>(row * s.D + at)] = BFloat16(1.0f);
  }
  return rows;
}

void fill(DeviceArray<BFloat16>& array, const std::vector<BFloat16>& values) {
  std::memcpy(array.data(), values.data(), values.size() * sizeof(BFloat16));
}
void fill(DeviceArray<BFloat16>& array, float value) {
  fill(array, std::vector<BFloat16>(array.values().size(), BFloat16(value)));
}

// Which element of a result tells whether a query's probability of a key is dropped.
struct Window {
  int64_t first_query, first_key;  // D of each show
};

// With unit rows as its right operand, a product shows its left one: P D in the output and in dV,
// and with delta 0 dS, which is P D times what is never 0 here, in dQ and dK.
class ShownDrops {
 public:
  ShownDrops(const Case& c, const Window& window) : pass_(c), window_(window) {
    const AttentionShape& s = c.shape;
    fill(pass_.q, unit_rows(s, s.T, s.H, window.first_query));
    fill(pass_.k, unit_rows(s, s.S, s.K, window.first_key));
    fill(pass_.v, unit_rows(s, s.S, s.K, window.first_key));
    fill(pass_.dout, unit_rows(s, s.T, s.H, window.first_query));
    pass_.forward();
    fill(shown_out_, pass_.out);
    pass_.backward();
    fill(shown_dv_, pass_.dv);
    fill(pass_.v, 1.0f);
    fill(pass_.dout, 1.0f);
    fill(pass_.out, 0.0f);
    pass_.backward();
  }

  void expect_as_numbered() {
    const AttentionShape& s = pass_.s;
    int64_t dropped = 0;
    const int64_t all = s.B * s.H * s.T * s.S;
    for (int64_t i = 0; i < all; ++i) {
      const kernels::AttentionPlace at{i / s.S / s.T / s.H, i / s.S / s.T % s.H, i / s.S % s.T,
                                       i % s.S};
      const bool drops = is_dropped(at);
      dropped += drops;
      expect_shown(at, drops);
      if (::testing::Test::HasFailure()) return;
    }
    EXPECT_GT(dropped, all / 5);
    EXPECT_LT(dropped, all / 2);
  }

 private:
  static void fill(std::vector<BFloat16>& to, const DeviceArray<BFloat16>& from) {
    to.assign(from.values().begin(), from.values().end());
  }
  static void fill(DeviceArray<BFloat16>& to, const std::vector<BFloat16>& from) {
    testing::fill(to, from);
  }
  static void fill(DeviceArray<BFloat16>& to, float value) { testing::fill(to, value); }

  bool is_dropped(const kernels::AttentionPlace& at) const {
    const kernels::AttentionDropout dropout{pass_.c.dropout, pass_.dropout_key, pass_.first_sample};
    return uniform_from(attention_dropout_word(dropout, pass_.s, at)) < dropout.p;
  }

  void expect_shown(const kernels::AttentionPlace& at, bool drops) {
    const AttentionShape& s = pass_.s;
    const auto is_zero = [&](const auto& rows, int64_t row, int64_t column) {
      return static_cast<float>(rows[static_cast<size_t>(row * s.D + column)]) == 0.0f;
    };
    const int64_t query = (at.b * s.T + at.t) * s.H + at.head, key = at.key - window_.first_key;
    if (key >= 0 && key < s.D) {
      EXPECT_EQ(is_zero(shown_out_, query, key), drops) << "out " << at.t << ", " << at.key;
      EXPECT_EQ(is_zero(pass_.dq.values(), query, key), drops) << "dq " << at.t << ", " << at.key;
    }
    const int64_t row = (at.b * s.S + at.key) * s.K + at.head, t = at.t - window_.first_query;
    if (t >= 0 && t < s.D) {
      EXPECT_EQ(is_zero(shown_dv_, row, t), drops) << "dv " << at.t << ", " << at.key;
      EXPECT_EQ(is_zero(pass_.dk.values(), row, t), drops) << "dk " << at.t << ", " << at.key;
    }
  }

  AttentionPass<BFloat16> pass_;
  Window window_;
  std::vector<BFloat16> shown_out_, shown_dv_;
};

// Without groups, so that dK and dV are sums of one head; tiles of 128 and their edges.
TEST(EmulatedAttentionDropoutSm90, DropsWhatTheNumbersSayAsThePlainKernels) {
  const Case narrow{.shape = {1, 70, 140, 1, 1, 64}, .causal = false, .dropout = 0.3f, .gap = 0};
  const Case heads{.shape = {2, 9, 70, 2, 2, 64}, .causal = false, .dropout = 0.3f, .gap = 0};
  const Case wide{.shape = {1, 70, 140, 1, 1, 128}, .causal = false, .dropout = 0.3f, .gap = 0};
  for (const int capability : {80, 90}) {
    SCOPED_TRACE(capability);
    const ScopedComputeCapability scope(capability);
    ShownDrops(narrow, {0, 0}).expect_as_numbered();
    ShownDrops(heads, {0, 6}).expect_as_numbered();
  }
  const ScopedComputeCapability hopper(90);
  ShownDrops(narrow, {64, 80}).expect_as_numbered();
  ShownDrops(wide, {0, 12}).expect_as_numbered();
}

// All queries and keys in one window, which the plain kernels are shown in as well.
TEST(EmulatedAttentionDropoutSm90, DropsWhatTheNumbersSayInWiderHeads) {
  const Case c{.shape = {1, 70, 140, 1, 1, 136}, .causal = false, .dropout = 0.3f, .gap = 0};
  const Case widest{.shape = {1, 70, 70, 1, 1, 256}, .causal = false, .dropout = 0.3f, .gap = 0};
  for (const int capability : {80, 90}) {
    SCOPED_TRACE(capability);
    const ScopedComputeCapability scope(capability);
    ShownDrops(c, {0, 4}).expect_as_numbered();
    ShownDrops(widest, {0, 0}).expect_as_numbered();
  }
}

// Groups, which go through one block of keys; windows; documents; widths that are padded.
std::vector<Case> cases() {
  const AttentionShape grouped{2, 70, 140, 2, 1, 64}, square{1, 33, 33, 1, 1, 64};
  return {{.shape = grouped, .dropout = 0.3f},
          {.shape = grouped, .window = 9, .dropout = 0.3f},
          {.shape = {1, 90, 90, 1, 1, 96}, .dropout = 0.1f},
          {.shape = {1, 20, 7, 1, 1, 16}, .dropout = 0.5f},
          {.shape = {2, 70, 140, 2, 1, 136}, .window = 70, .dropout = 0.3f},
          {.shape = {1, 130, 130, 1, 1, 256}, .dropout = 0.1f},
          {.shape = {1, 20, 7, 1, 1, 200}, .dropout = 0.5f},
          {.shape = square, .range = two_documents(square), .dropout = 0.3f}};
}

TEST(EmulatedAttentionDropoutSm90, MatchesTheNaiveOne) {
  const ScopedComputeCapability hopper(90);
  for (const Case& c : cases()) {
    SCOPED_TRACE(std::to_string(c.shape.T) + " D " + std::to_string(c.shape.D) + " window " +
                 std::to_string(c.window));
    expect_forward_matches<BFloat16>(c);
    expect_backward_matches<BFloat16>(c);
  }
}

std::string bits_of(const Case& c) {
  AttentionPass<BFloat16> r(c);
  r.forward();
  r.backward();
  return r.bits();
}

TEST(EmulatedAttentionDropoutSm90, HasTheSameBitsInEveryOrder) {
  const ScopedComputeCapability hopper(90);
  for (const Case& c : {Case{.shape = {1, 70, 200, 2, 1, 64}, .dropout = 0.2f},
                        Case{.shape = {1, 70, 140, 2, 1, 256}, .dropout = 0.2f}}) {
    expect_same_bits_in_every_order([&] { return bits_of(c); });
  }
}

TEST(EmulatedAttentionDropoutSm90Threads, HasNoRaceBetweenBlocks) {
  const ScopedComputeCapability hopper(90);
  for (const Case& c : {Case{.shape = {1, 140, 140, 2, 1, 64}, .dropout = 0.2f},
                        Case{.shape = {1, 140, 70, 2, 1, 256}, .dropout = 0.2f}}) {
    expect_same_bits_on_workers([&] { return bits_of(c); });
  }
}

// A key made on the device of seed, step and place is the one that the host makes.
TEST(EmulatedAttentionDropoutSm90, MakesItsKeyOnTheDevice) {
  const ScopedComputeCapability hopper(90);
  constexpr uint64_t kPlace = 9;
  const Case c{.shape = {2, 20, 20, 1, 1, 16}, .dropout = 0.4f};
  DeviceArray<int64_t> rng(std::vector<int64_t>{1234, 7, 1000}, "rng");
  const PhiloxBlock words = philox(1234, kPlace, 7);
  AttentionPass<BFloat16> on_host(c), on_device(c);
  on_host.dropout_key = static_cast<uint64_t>(words[1]) << 32 | words[0];
  on_host.first_sample = 1000;
  on_device.random = {rng.data(), kPlace};
  for (AttentionPass<BFloat16>* pass : {&on_host, &on_device}) {
    pass->forward();
    pass->backward();
  }
  EXPECT_EQ(on_host.bits(), on_device.bits());
}

// What it keeps is scaled after the last rounding, which tells it from the plain kernel.
TEST(EmulatedAttentionDropoutSm90, RunsOnHopperInEveryWidth) {
  const auto bits = [](int capability, int64_t width) {
    const ScopedComputeCapability scope(capability);
    const Case c{.shape = {1, 40, 40, 1, 1, width}, .dropout = 0.3f};
    AttentionPass<BFloat16> r(c);
    r.forward();
    return r.bits();
  };
  for (const int64_t width : {64, 128, 256}) EXPECT_NE(bits(80, width), bits(90, width)) << width;
}

// The comparison of integers that decides is the one of floats.
TEST(EmulatedAttentionDropoutSm90, DropsTheWordsBelowTheProbability) {
  const float below_one = std::nextafter(1.0f, 0.0f);
  for (const float p : {1e-9f, 0x1p-24f, 0.1f, 0.3f, 0.5f, 0.9f, below_one}) {
    const kernels::attention_cuda::Dropout dropout({p, 1, 0}, {}, 0);
    const auto edge = static_cast<uint32_t>(static_cast<double>(p) * 0x1p32);
    for (uint32_t word = edge - 600; word != edge + 600; ++word) {
      ASSERT_EQ(dropout.drops(word), uniform_from(word) < p) << p << " " << word;
    }
  }
}

}  // namespace
}  // namespace weft::emulator::testing
