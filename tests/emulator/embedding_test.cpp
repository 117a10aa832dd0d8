// The gradient of an embedding on a GPU, emulated: bit for bit the sums in the order of n, with
// tokens that come once, never, thousands of times, or do not exist.
#include "kernels/embedding/embedding_cuda.h"

#include "emulated.h"
#include "tests/kernels_rows/helpers.h"

namespace weft::emulator::testing {
namespace {

using kernels::EmbeddingBackward;
using kernels::testing::random_values;

struct Case {
  int64_t n, v, c;
  int64_t hot = 0;  // of eight tokens, so many are token 5
  bool accumulate = false;
};

template <class T>
struct Gradient {
  const Case& s;
  std::vector<int32_t> tokens;
  std::vector<float> before;
  DeviceArray<int32_t> ids;
  DeviceArray<T> dy;
  DeviceArray<float> table, flag;

  explicit Gradient(const Case& given)
      : s(given),
        tokens(tokens_of(given)),
        before(random_values<float>(given.v * given.c, 2)),
        ids(tokens, "ids"),
        dy(random_values<T>(given.n * given.c, 1), "dy"),
        table(before, "dtable"),
        flag(std::vector<float>{given.accumulate ? 1.0f : 0.0f}, "accumulate") {
    const EmbeddingBackward<T> args{.ids_N = ids.data(),
                                    .dy_NC = dy.data(),
                                    .dtable_VC = table.data(),
                                    .accumulate = flag.data(),
                                    .N = s.n,
                                    .V = s.v,
                                    .C = s.c};
    embedding_backward(cuda::Stream{}, args);
  }

  static std::vector<int32_t> tokens_of(const Case& s) {
    std::vector<int32_t> tokens;
    for (int64_t i = 0; i < s.n; ++i) {
      const int64_t any = i * 7919 % (s.v + 2) - 1;  // -1 and V do not exist
      tokens.push_back(static_cast<int32_t>(i % 8 < s.hot ? 5 : any));
    }
    return tokens;
  }
  std::vector<float> expected() const {
    std::vector<float> sums(before);
    if (!s.accumulate) sums.assign(before.size(), 0.0f);
    for (int64_t i = 0; i < s.n; ++i) {
      const int64_t v = tokens[static_cast<size_t>(i)];
      if (v < 0 || v >= s.v) continue;
      for (int64_t c = 0; c < s.c; ++c) {
        sums[static_cast<size_t>(v * s.c + c)] +=
            static_cast<float>(dy.values()[static_cast<size_t>(i * s.c + c)]);
      }
    }
    return sums;
  }
};

// One id; chunks of ids and their edges; rows of the last block; widths that take vectors, and not;
// more columns than a block has.
const Case kCases[] = {{1, 1, 1},        {70, 40, 6},           {1024, 33, 4, 2}, {1025, 64, 5, 7},
                       {3000, 10, 8, 8}, {40, 7, 300, 1, true}, {0, 3, 4}};

template <class T>
void check() {
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::to_string(c.n) + " ids of " + std::to_string(c.v) + " x " +
                 std::to_string(c.c));
    const Gradient<T> g(c);
    const std::vector<float> expected = g.expected();
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(g.table.values()[i], expected[i]) << i;
  }
}

TEST(EmulatedEmbedding, AddsEachRowInTheOrderOfIds) {
  check<float>();
  check<BFloat16>();
}

TEST(EmulatedEmbedding, HasTheSameBitsInEveryOrder) {
  const Case c{200, 40, 6, 3};
  expect_same_bits_in_every_order([&] { return Gradient<BFloat16>(c).table.bits(); });
}

TEST(EmulatedEmbeddingThreads, HasNoRaceBetweenBlocks) {
  const Case c{200, 40, 300, 3};
  expect_same_bits_on_workers([&] { return Gradient<BFloat16>(c).table.bits(); });
}

}  // namespace
}  // namespace weft::emulator::testing
