// Writing keys and values into caches: the right head to the right slot, and nothing else.
#include "kernels/cache/cache_write.h"

#include "helpers.h"

namespace weft::kernels::testing {
namespace {

struct Case {
  int64_t B = 2, T = 3, S = 5, H = 4, K = 2, D = 3;
  std::vector<int32_t> slots = {0, 1, 2, 4, -1, 3};
  int64_t width() const { return (H + 2 * K) * D; }
  int64_t cache() const { return B * S * K * D; }
};

template <class T>
struct Caches {
  Guarded<T> keys, values;
  bool operator==(const Caches&) const = default;
};

template <class T>
Caches<T> run(const Case& c, const ParallelFor& parallel) {
  const std::vector<T> qkv = random_values<T>(c.B * c.T * c.width(), 1);
  Caches<T> caches{Guarded<T>(random_values<T>(c.cache(), 2)),
                   Guarded<T>(random_values<T>(c.cache(), 3))};
  cache_write({.qkv_BTW = qkv.data(),
               .slots_BT = c.slots.data(),
               .keys_BSKD = caches.keys.data(),
               .values_BSKD = caches.values.data(),
               .B = c.B,
               .T = c.T,
               .S = c.S,
               .H = c.H,
               .K = c.K,
               .D = c.D,
               .element_bytes = sizeof(T)},
              parallel);
  EXPECT_TRUE(caches.keys.intact() && caches.values.intact());
  return caches;
}

template <class T>
void expect_caches(const Case& c, Caches<T>& caches) {
  const std::vector<T> qkv = random_values<T>(c.B * c.T * c.width(), 1);
  std::vector<T> keys = random_values<T>(c.cache(), 2), values = random_values<T>(c.cache(), 3);
  for (int64_t token = 0; token < c.B * c.T; ++token) {
    const int32_t slot = c.slots[static_cast<size_t>(token)];
    for (int64_t i = 0; slot >= 0 && i < c.K * c.D; ++i) {
      const size_t to = static_cast<size_t>((token / c.T * c.S + slot) * c.K * c.D + i);
      const size_t from = static_cast<size_t>(token * c.width() + c.H * c.D + i);
      keys[to] = qkv[from];
      values[to] = qkv[from + static_cast<size_t>(c.K * c.D)];
    }
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(as_double(caches.keys[static_cast<int64_t>(i)]), as_double(keys[i])) << i;
    EXPECT_EQ(as_double(caches.values[static_cast<int64_t>(i)]), as_double(values[i])) << i;
  }
}

template <class T>
class CacheWriteOf : public ::testing::Test {};
TYPED_TEST_SUITE(CacheWriteOf, ElementTypes);

TYPED_TEST(CacheWriteOf, PutsHeadsIntoTheirSlots) {
  for (const Case& c : {Case{}, Case{1, 1, 1, 1, 1, 1, {0}}, Case{1, 2, 4, 3, 3, 16, {3, 1}},
                        Case{3, 0, 4, 2, 1, 8, {}}}) {
    Caches<TypeParam> caches = run<TypeParam>(c, SerialFor());
    expect_caches(c, caches);
  }
}

TYPED_TEST(CacheWriteOf, TheLaterTokenOfASlotStaysWhateverTheThreads) {
  const Case c{2, 3, 5, 4, 2, 3, {1, 1, 1, 0, 4, 0}};
  expect_same_bits_for_all_threads(
      [&](const ParallelFor& parallel) { return run<TypeParam>(c, parallel); });
  Caches<TypeParam> caches = run<TypeParam>(c, SerialFor());
  expect_caches(c, caches);
}

TEST(CacheWriteDeath, SlotBeyondTheCacheIsABrokenInvariant) {
  Case c;
  c.slots[5] = 5;
  EXPECT_DEATH(run<float>(c, SerialFor()), "slot");
}

}  // namespace
}  // namespace weft::kernels::testing
