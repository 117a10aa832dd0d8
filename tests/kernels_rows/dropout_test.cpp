// Dropout: every element by its own random number, whatever the batch, threads and instructions.
#include "kernels/dropout/dropout.h"

#include "helpers.h"
#include "weft/philox.h"

namespace weft::kernels::testing {
namespace {

template <class T>
Guarded<T> run(const std::vector<T>& x, int64_t B, float p, uint64_t first_sample,
               const ParallelFor& parallel) {
  Guarded<T> y(static_cast<int64_t>(x.size()));
  dropout(Dropout<T>{.x_BE = x.data(),
                     .y_BE = y.data(),
                     .B = B,
                     .E = B == 0 ? 0 : static_cast<int64_t>(x.size()) / B,
                     .p = p,
                     .key = 77,
                     .first_sample = first_sample},
          parallel);
  EXPECT_TRUE(y.intact());
  return y;
}

template <class T>
class DropoutOf : public ::testing::Test {};
TYPED_TEST_SUITE(DropoutOf, ElementTypes);

TYPED_TEST(DropoutOf, FollowsItsRandomWords) {
  for_each_simd_target([] {
    for (const int64_t E : {1, 15, 16, 17, 63, 64, 65, 1000}) {
      const auto x = random_values<TypeParam>(3 * E, 1);
      Guarded<TypeParam> y = run(x, 3, 0.3f, 1000, SerialFor());
      for (int64_t i = 0; i < 3 * E; ++i) {
        const auto sample = static_cast<uint64_t>(1000 + i / E);
        const bool kept = uniform_from(dropout_word(77, sample, i % E)) >= 0.3f;
        const float factor = kept ? 1.0f / (1.0f - 0.3f) : 0.0f;
        const float expected = static_cast<float>(x[static_cast<size_t>(i)]) * factor;
        ASSERT_EQ(as_double(y[i]), as_double(static_cast<TypeParam>(expected))) << E << " " << i;
      }
    }
  });
}

TYPED_TEST(DropoutOf, KeepsTheShareThatItShould) {
  const std::vector<TypeParam> x(100000, TypeParam(1.0f));
  for (const float p : {0.0f, 0.1f, 0.9f}) {
    Guarded<TypeParam> y = run(x, 1, p, 5, SerialFor());
    double kept = 0;
    for (const TypeParam value : y.values()) kept += as_double(value) != 0 ? 1 : 0;
    EXPECT_NEAR(kept / 1e5, 1.0 - as_double(p), 0.005) << p;
  }
}

TYPED_TEST(DropoutOf, ASampleIsDroppedAlikeInEveryBatch) {
  const auto x = random_values<TypeParam>(4 * 70, 1);
  const std::vector<TypeParam> third(x.begin() + 140, x.begin() + 210);
  Guarded<TypeParam> all = run(x, 4, 0.5f, 10, SerialFor());
  Guarded<TypeParam> alone = run(third, 1, 0.5f, 12, SerialFor());
  for (int64_t i = 0; i < 70; ++i) EXPECT_EQ(as_double(alone[i]), as_double(all[140 + i]));
}

TYPED_TEST(DropoutOf, ThreadsDoNotChangeBitsAndNaNStays) {
  auto x = random_values<TypeParam>(2 * 50001, 1);
  for (size_t i = 0; i < 40; ++i) x[i] = TypeParam(kNaN);
  for (const float p : {0.0f, 0.5f}) {
    Guarded<TypeParam> y = run(x, 2, p, 0, SerialFor());
    for (int64_t i = 0; i < 60; ++i) EXPECT_EQ(std::isnan(as_double(y[i])), i < 40) << i;
  }
  expect_same_bits_for_all_threads(
      [&](const ParallelFor& parallel) { return run(x, 2, 0.5f, 0, parallel); });
  run(std::vector<TypeParam>(), 0, 0.5f, 0, SerialFor());
}

}  // namespace
}  // namespace weft::kernels::testing
