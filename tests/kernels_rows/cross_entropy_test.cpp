// Cross-entropy rows against float64, on the edges of vectors and blocks; NaN, infinities, ignored
// and wrong labels; and against reference values of PyTorch.
#include <algorithm>

#include "kernels/cross_entropy/cross_entropy.h"

#include "golden.h"
#include "helpers.h"
#include "weft/philox.h"

namespace weft::kernels::testing {
namespace {

struct Options {
  int64_t N, V;
  int64_t S = 0;
  float label_smoothing = 0, z_loss = 0;
};

template <class T>
struct Case {
  Options o;
  int64_t stride = o.S == 0 ? o.V : o.S;
  std::vector<T> logits = random_values<T>(o.N * stride, 1, 8.0f);
  std::vector<int32_t> labels = make_labels();
  float scale = 0.25f;

  std::vector<int32_t> make_labels() const {
    std::vector<int32_t> result;
    for (int64_t n = 0; n < o.N; ++n) {
      const uint32_t word = philox(7, static_cast<uint64_t>(n))[0];
      result.push_back(n % 5 == 3 ? -100 : static_cast<int32_t>(word % static_cast<uint32_t>(o.V)));
    }
    return result;
  }
};

template <class T>
struct Outputs {
  Guarded<T> dlogits;
  Guarded<double> loss;
  bool operator==(const Outputs&) const = default;
};

template <class T>
Outputs<T> run(const Case<T>& c, const ParallelFor& parallel) {
  Outputs<T> out{Guarded<T>(c.o.N * c.stride), Guarded<double>(c.o.N)};
  cross_entropy_rows(CrossEntropyRows<T>{.logits_NS = c.logits.data(),
                                         .labels_N = c.labels.data(),
                                         .dlogits_NS = out.dlogits.data(),
                                         .loss_N = out.loss.data(),
                                         .scale = &c.scale,
                                         .N = c.o.N,
                                         .V = c.o.V,
                                         .S = c.o.S,
                                         .label_smoothing = c.o.label_smoothing,
                                         .z_loss = c.o.z_loss},
                     parallel);
  EXPECT_TRUE(out.dlogits.intact() && out.loss.intact());
  return out;
}

template <class T>
void reference_row(const Case<T>& c, int64_t n, std::vector<double>& loss,
                   std::vector<double>& dlogits) {
  const int32_t label = c.labels[static_cast<size_t>(n)];
  if (label == -100) return;
  const size_t row = static_cast<size_t>(n * c.stride), V = static_cast<size_t>(c.o.V);
  const double e = as_double(c.o.label_smoothing), z = as_double(c.o.z_loss);
  double sum = 0, logits = 0;
  for (size_t k = 0; k < V; ++k) {
    sum += std::exp(as_double(c.logits[row + k]));
    logits += as_double(c.logits[row + k]);
  }
  const double lse = std::log(sum);
  loss[static_cast<size_t>(n)] =
      (1 - e) * (lse - as_double(c.logits[row + static_cast<size_t>(label)])) +
      e * (lse - logits / static_cast<double>(V)) + z * lse * lse;
  for (size_t k = 0; k < V; ++k) {
    const double p = std::exp(as_double(c.logits[row + k]) - lse);
    const double target = k == static_cast<size_t>(label) ? 1 - e : 0.0;
    dlogits[row + k] = 0.25 * (p * (1 + 2 * z * lse) - target - e / static_cast<double>(V));
  }
}

template <class T>
class CrossEntropy : public ::testing::Test {};
TYPED_TEST_SUITE(CrossEntropy, ElementTypes);

TYPED_TEST(CrossEntropy, MatchesFloat64) {
  for_each_simd_target([] {
    for (const Options o : {Options{1, 1},
                            {4, 2},
                            {5, 7, 16},
                            {6, 16, 0, 0.1f},
                            {3, 17, 20, 0.3f},
                            {2, 65, 0, 0, 1e-2f},
                            {5, 1023},
                            {5, 1024, 0, 0.1f, 1e-3f},
                            {5, 1025, 1040},
                            {4, 3001, 0, 0.1f},
                            {0, 5}}) {
      SCOPED_TRACE(::testing::Message() << o.N << "x" << o.V << " of " << o.S);
      const Case<TypeParam> c{o};
      Outputs<TypeParam> out = run(c, SerialFor());
      std::vector<double> loss(static_cast<size_t>(o.N)), dlogits(c.logits.size());
      for (int64_t n = 0; n < o.N; ++n) reference_row(c, n, loss, dlogits);
      expect_close(out.loss.values(), loss, tolerance<float>(o.V), "loss");
      expect_close(out.dlogits.values(), dlogits, tolerance<TypeParam>(o.V), "dlogits", 0.25);
    }
  });
}

TYPED_TEST(CrossEntropy, ThreadsDoNotChangeBitsAndInPlaceIsTheSame) {
  const Case<TypeParam> c{{1000, 67, 0, 0.1f, 1e-3f}};
  expect_same_bits_for_all_threads([&](const ParallelFor& parallel) { return run(c, parallel); });
  Outputs<TypeParam> apart = run(c, SerialFor());
  std::vector<TypeParam> inside = c.logits;
  cross_entropy_rows(CrossEntropyRows<TypeParam>{.logits_NS = inside.data(),
                                                 .labels_N = c.labels.data(),
                                                 .dlogits_NS = inside.data(),
                                                 .scale = &c.scale,
                                                 .N = 1000,
                                                 .V = 67,
                                                 .label_smoothing = 0.1f,
                                                 .z_loss = 1e-3f},
                     SerialFor());
  for (size_t i = 0; i < inside.size(); ++i) {
    ASSERT_EQ(as_double(inside[i]), as_double(apart.dlogits[static_cast<int64_t>(i)]));
  }
}

TYPED_TEST(CrossEntropy, HugeLogitsDoNotOverflow) {
  for_each_simd_target([] {
    Case<TypeParam> c{{1, 1500}};
    c.logits.assign(1500, TypeParam(-3e38f));
    c.logits[0] = TypeParam(-kInfinity);
    c.logits[1400] = TypeParam(3e38f);
    c.labels[0] = 1400;
    Outputs<TypeParam> out = run(c, SerialFor());
    EXPECT_EQ(out.loss[0], 0.0);
    for (int64_t i = 0; i < 1500; ++i) EXPECT_EQ(as_double(out.dlogits[i]), 0.0) << i;
  });
}

TYPED_TEST(CrossEntropy, MaskedVocabularyDoesNotCount) {
  for_each_simd_target([] {
    Case<TypeParam> c{{1, 2100}};  // more than a block of -infinity before the first number
    c.logits.assign(2100, TypeParam(-kInfinity));
    c.logits[2000] = c.logits[2099] = TypeParam(1.5f);
    c.labels[0] = 2000;
    Outputs<TypeParam> out = run(c, SerialFor());
    EXPECT_NEAR(out.loss[0], std::log(2.0), 1e-6);
    EXPECT_EQ(as_double(out.dlogits[0]), 0.0);
    EXPECT_EQ(as_double(out.dlogits[2000]), -0.125);
    EXPECT_EQ(as_double(out.dlogits[2099]), 0.125);
  });
}

TYPED_TEST(CrossEntropy, NaNAndWrongLabelsShow) {
  for_each_simd_target([] {
    Case<TypeParam> c{{5, 1100}};
    c.labels = {5, 1100, -1, 7, -100};
    c.logits[1] = TypeParam(kNaN);
    c.logits[3 * 1100 + 1099] = TypeParam(kInfinity);
    c.logits[4 * 1100] = TypeParam(kNaN);
    Outputs<TypeParam> out = run(c, SerialFor());
    for (int64_t n = 0; n < 4; ++n) {
      EXPECT_TRUE(std::isnan(out.loss[n])) << n;
      EXPECT_TRUE(std::isnan(as_double(out.dlogits[n * 1100 + 20]))) << n;
    }
    EXPECT_EQ(out.loss[4], 0.0);
    EXPECT_EQ(as_double(out.dlogits[4 * 1100]), 0.0);
  });
}

// The reference takes means over the rows that count.
void expect_golden(const io::SafetensorsFile& file, const std::string& name, Options o, bool mean) {
  Case<float> c{o};
  c.logits = golden_values<float>(file, "input.logits");
  c.labels.clear();
  double rows = 0;
  for (const int64_t target : golden_values<int64_t>(file, "input.target")) {
    c.labels.push_back(static_cast<int32_t>(target));
    rows += target == -100 ? 0 : 1;
  }
  c.scale = mean ? static_cast<float>(1 / rows) : 1.0f;
  Outputs<float> out = run(c, SerialFor());
  const double loss = sum_of_losses(out.loss.data(), o.N) * (mean ? 1 / rows : 1.0);
  const auto expected = golden_values<float>(file, name + ".grad.logits");
  EXPECT_NEAR(loss, as_double(golden_values<float>(file, name + ".loss")[0]), 1e-6) << name;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(out.dlogits[static_cast<int64_t>(i)], expected[i], 1e-6f) << name << i;
  }
}

TEST(CrossEntropyGolden, LossesAndGradientsOfPyTorch) {
  const std::string path = golden_file("losses");
  // The values are made with PyTorch and kept apart from the project.
  if (path.empty()) GTEST_SKIP() << "WEFT_GOLDEN does not name the reference values";
  const io::SafetensorsFile file{Path(path)};
  expect_golden(file, "ce", {13, 11}, true);
  expect_golden(file, "ce_sum", {13, 11}, false);
  expect_golden(file, "ce_label_smoothing", {13, 11, 0, 0.1f}, true);
}

// The z term alone is what it adds to the plain loss.
TEST(CrossEntropyGolden, ZLoss) {
  const std::string path = golden_file("losses");
  // The values are made with PyTorch and kept apart from the project.
  if (path.empty()) GTEST_SKIP() << "WEFT_GOLDEN does not name the reference values";
  const io::SafetensorsFile file{Path(path)};
  Case<float> c{{13, 11, 0, 0, 1e-2f}}, plain{{13, 11}};
  c.logits = plain.logits = golden_values<float>(file, "input.logits");
  const auto targets = golden_values<int64_t>(file, "input.target");
  c.labels = plain.labels = std::vector<int32_t>(targets.begin(), targets.end());
  const double rows = static_cast<double>(13 - std::count(targets.begin(), targets.end(), -100));
  c.scale = plain.scale = static_cast<float>(1 / rows);
  Outputs<float> with = run(c, SerialFor()), without = run(plain, SerialFor());
  const double loss = sum_of_losses(with.loss.data(), 13) - sum_of_losses(without.loss.data(), 13);
  EXPECT_NEAR(loss / rows, as_double(golden_values<float>(file, "z_loss.loss")[0]), 1e-6);
  const auto expected = golden_values<float>(file, "z_loss.grad.logits");
  for (int64_t i = 0; i < 13 * 11; ++i) {
    EXPECT_NEAR(with.dlogits[i] - without.dlogits[i], expected[static_cast<size_t>(i)], 1e-6f);
  }
}

}  // namespace
}  // namespace weft::kernels::testing
