// Attention forward and backward against the naive computation in double, on every path: sizes
// around every block and tile, masks, grouped heads, packed and separate layouts, dropout, both
// element types, and equal bits for every number of threads.
#include "kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "attention_case.h"
#include "kernels/attention/attention_path.h"
#include "weft/error.h"

namespace weft::kernels {
namespace {

using testing::Case;
using testing::check;
using testing::Guarded;
using testing::Run;
using testing::same_bits;

// Every path that attention has, on machines that have its instructions; emulated tiles run
// everywhere.
class AttentionPaths : public ::testing::TestWithParam<AttentionPath> {
 protected:
  void SetUp() override {
    try {
      choose_attention_path(GetParam());
    } catch (const Error& error) {
      // This processor lacks the instructions of the path.
      GTEST_SKIP() << error.what();
    }
  }
  void TearDown() override { choose_attention_path(std::nullopt); }

  // Floats have one path only.
  static void check_types(const Case& c) {
    if (GetParam() == AttentionPath::kFloats) check<float>(c);
    check<BFloat16>(c);
  }
};

TEST_P(AttentionPaths, OneToken) {
  check_types({.shape = {.D = 1}});
  check_types({.shape = {.B = 2, .H = 3, .K = 3, .D = 5}});
}

TEST_P(AttentionPaths, LengthsAroundTheBlocks) {
  for (const int64_t t : {2, 5, 7, 15, 17, 31, 33, 63, 64, 65, 95, 97, 127, 129, 200}) {
    for (const bool causal : {true, false}) {
      check_types({.shape = {.B = 1, .T = t, .S = t, .H = 2, .K = 2, .D = 8}, .causal = causal});
    }
  }
}

TEST_P(AttentionPaths, HeadWidths) {
  for (const int64_t d : {1, 3, 16, 20, 31, 33, 64, 80, 96, 128, 256}) {
    check_types({.shape = {.B = 2, .T = 70, .S = 70, .H = 2, .K = 1, .D = d}});
  }
}

TEST_P(AttentionPaths, GroupedHeads) {
  for (const int64_t heads : {2, 6}) {
    for (const int64_t kv_heads : {1, 2}) {
      check_types({.shape = {.B = 2, .T = 67, .S = 67, .H = heads, .K = kv_heads, .D = 16}});
    }
  }
}

TEST_P(AttentionPaths, SlidingWindow) {
  for (const int64_t window : {1, 2, 7, 64, 65, 100, 1000}) {
    check_types({.shape = {.B = 1, .T = 150, .S = 150, .H = 2, .K = 1, .D = 16}, .window = window});
  }
}

TEST_P(AttentionPaths, FewerOrMoreQueriesThanKeys) {
  for (const bool causal : {true, false}) {
    check_types({.shape = {.B = 2, .T = 3, .S = 130, .H = 2, .K = 1, .D = 16}, .causal = causal});
    check_types({.shape = {.B = 2, .T = 70, .S = 9, .H = 2, .K = 2, .D = 16}, .causal = causal});
  }
}

// Documents of odd lengths in one row, as packing makes them.
std::vector<int32_t> documents(int64_t B, int64_t T) {
  std::vector<int32_t> range;
  for (int64_t b = 0; b < B; ++b) {
    for (int64_t t = 0; t < T; ++t) {
      const int64_t length = 23 + 41 * b, begin = t / length * length;
      range.push_back(static_cast<int32_t>(begin));
      range.push_back(static_cast<int32_t>(std::min(T, begin + length)));
    }
  }
  return range;
}

TEST_P(AttentionPaths, Documents) {
  for (const bool causal : {true, false}) {
    check_types({.shape = {.B = 3, .T = 140, .S = 140, .H = 2, .K = 1, .D = 16},
                 .causal = causal,
                 .range = documents(3, 140)});
    check_types({.shape = {.B = 2, .T = 140, .S = 140, .H = 2, .K = 1, .D = 16},
                 .causal = causal,
                 .window = 11,
                 .range = documents(2, 140)});
  }
}

TEST_P(AttentionPaths, RangesInNoOrder) {
  std::vector<int32_t> range;
  for (uint64_t i = 0; i < 2 * 111; ++i) {
    const PhiloxBlock words = philox(3, i);
    range.push_back(static_cast<int32_t>(words[0] % 160) - 30);
    range.push_back(static_cast<int32_t>(words[1] % 160) - 10);
  }
  check_types({.shape = {.B = 2, .T = 111, .S = 111, .H = 3, .K = 1, .D = 24},
               .causal = false,
               .range = range});
}

TEST_P(AttentionPaths, QueriesThatSeeNothing) {
  std::vector<int32_t> range(2 * 100, 0);
  check_types({.shape = {.B = 1, .T = 100, .S = 100, .H = 1, .K = 1, .D = 8}, .range = range});
  for (size_t t = 70; t < 100; ++t) range[2 * t + 1] = 2000000000;
  check_types({.shape = {.B = 1, .T = 100, .S = 100, .H = 1, .K = 1, .D = 8}, .range = range});
}

TEST_P(AttentionPaths, Dropout) {
  for (const int64_t t : {3, 64, 100, 131}) {
    check_types({.shape = {.B = 2, .T = t, .S = t, .H = 4, .K = 2, .D = 16}, .dropout = 0.3f});
  }
  check_types({.shape = {.B = 2, .T = 70, .S = 70, .H = 1, .K = 1, .D = 8},
               .causal = false,
               .dropout = 0.9f});
}

// Many keys and few heads: the backward pass cuts the keys into parts.
TEST_P(AttentionPaths, BackwardInParts) {
  check_types({.shape = {.B = 1, .T = 600, .S = 600, .H = 2, .K = 1, .D = 8}});
  check<BFloat16>({.shape = {.B = 1, .T = 100, .S = 900, .H = 1, .K = 1, .D = 8}, .causal = false});
}

// More pairs of sample and head than one round takes.
TEST_P(AttentionPaths, ForwardInRounds) {
  check_types({.shape = {.B = 50, .T = 4, .S = 4, .H = 3, .K = 3, .D = 4}});
}

TEST(Attention, LargeScoresDoNotOverflow) {
  const AttentionShape s{.B = 1, .T = 80, .S = 80, .H = 1, .K = 1, .D = 4};
  std::vector<float> q(80 * 4, 60.0f), k(80 * 4), v(80 * 4), out(80 * 4), lse(80);
  for (size_t i = 0; i < k.size(); ++i) {
    k[i] = static_cast<float>(i / 4);
    v[i] = static_cast<float>(i);
  }
  AttentionForward<float> f{.shape = s, .mask = {.causal = true}, .scale = 1.0f};
  f.q = {q.data(), 320, 4};
  f.k = {k.data(), 320, 4};
  f.v = {v.data(), 320, 4};
  f.out = {out.data(), 320, 4};
  f.lse_BHT = lse.data();
  Guarded<unsigned char> scratch(attention_forward_workspace(s, 1, DType::kF32));
  attention_forward(f, scratch.data(), SerialFor());
  for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], v[i]);  // each sees the last key only
  for (size_t t = 0; t < 80; ++t) EXPECT_FLOAT_EQ(lse[t], 240.0f * static_cast<float>(t));
}

TEST(Attention, NanStaysWithItsQuery) {
  const AttentionShape s{.B = 1, .T = 70, .S = 70, .H = 1, .K = 1, .D = 4};
  std::vector<float> q(70 * 4, 0.5f), k(70 * 4, 0.25f), v(70 * 4, 1.0f), out(70 * 4);
  q[33 * 4] = std::nanf("");
  AttentionForward<float> f{.shape = s, .mask = {.causal = true}, .scale = 1.0f};
  f.q = {q.data(), 280, 4};
  f.k = {k.data(), 280, 4};
  f.v = {v.data(), 280, 4};
  f.out = {out.data(), 280, 4};
  Guarded<unsigned char> scratch(attention_forward_workspace(s, 1, DType::kF32));
  attention_forward(f, scratch.data(), SerialFor());
  for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i / 4 == 33) << i;
}

template <class T>
void expect_same_bits_for_threads(Case c) {
  const Run<T> one(c);
  for (const int threads : {2, 3}) {
    c.threads = threads;
    const Run<T> other(c);
    EXPECT_TRUE(same_bits(one.out, other.out) && same_bits(one.lse, other.lse));
    EXPECT_TRUE(same_bits(one.dq, other.dq) && same_bits(one.dk, other.dk) &&
                same_bits(one.dv, other.dv));
  }
}

TEST_P(AttentionPaths, SameBitsForEveryNumberOfThreads) {
  const Case c{.shape = {.B = 2, .T = 300, .S = 300, .H = 4, .K = 2, .D = 32}, .dropout = 0.1f};
  if (GetParam() == AttentionPath::kFloats) expect_same_bits_for_threads<float>(c);
  expect_same_bits_for_threads<BFloat16>(c);
}

std::string name_of_path(const ::testing::TestParamInfo<AttentionPath>& test) {
  switch (test.param) {
    case AttentionPath::kFloats: return "floats";
    case AttentionPath::kDotProducts: return "dot_products";
    case AttentionPath::kAmx: return "amx";
    case AttentionPath::kEmulatedTiles: return "emulated_tiles";
  }
  return "unknown";
}

INSTANTIATE_TEST_SUITE_P(Every, AttentionPaths,
                         ::testing::Values(AttentionPath::kFloats, AttentionPath::kEmulatedTiles,
                                           AttentionPath::kDotProducts, AttentionPath::kAmx),
                         name_of_path);

}  // namespace
}  // namespace weft::kernels
