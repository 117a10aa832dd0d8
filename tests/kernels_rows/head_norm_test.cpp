// RMSNorm on the query and key heads of a packed row: every head must be what rms_norm gives for
// it.
#include "helpers.h"
#include "kernels/norm/norm.h"

namespace weft::kernels::testing {
namespace {

struct Heads {
  int64_t N, H, K, D;
  int64_t width() const { return (H + 2 * K) * D; }
};

template <class T>
struct Outputs {
  Guarded<T> out, dqkv;
  Guarded<float> rstd, dq_scale, dk_scale;
  bool operator==(const Outputs&) const = default;
};

template <class T>
struct Case {
  Heads s;
  std::vector<T> qkv = random_values<T>(s.N * s.width(), 1),
                 dout = random_values<T>(s.N * s.width(), 2);
  std::vector<float> q_scale = random_values<float>(s.D, 3), k_scale = random_values<float>(s.D, 4);

  Outputs<T> run(float accumulate, const ParallelFor& parallel) {
    Outputs<T> o{Guarded<T>(s.N * s.width()), Guarded<T>(s.N * s.width()),
                 Guarded<float>(s.N * (s.H + s.K)), Guarded<float>(std::vector<float>(q_scale)),
                 Guarded<float>(std::vector<float>(k_scale))};
    head_norm_forward(HeadNormForward<T>{.qkv_NW = qkv.data(),
                                         .q_scale_D = q_scale.data(),
                                         .k_scale_D = k_scale.data(),
                                         .out_NW = o.out.data(),
                                         .rstd_NG = o.rstd.data(),
                                         .N = s.N,
                                         .H = s.H,
                                         .K = s.K,
                                         .D = s.D,
                                         .eps = 1e-5f},
                      parallel);
    Guarded<float> workspace(head_norm_backward_workspace(s.N, s.D) / 4);
    head_norm_backward(HeadNormBackward<T>{.dout_NW = dout.data(),
                                           .qkv_NW = qkv.data(),
                                           .q_scale_D = q_scale.data(),
                                           .k_scale_D = k_scale.data(),
                                           .rstd_NG = o.rstd.data(),
                                           .dqkv_NW = o.dqkv.data(),
                                           .dq_scale_D = o.dq_scale.data(),
                                           .dk_scale_D = o.dk_scale.data(),
                                           .accumulate_dq_scale = &accumulate,
                                           .accumulate_dk_scale = &accumulate,
                                           .workspace = workspace.data(),
                                           .N = s.N,
                                           .H = s.H,
                                           .K = s.K,
                                           .D = s.D},
                       parallel);
    EXPECT_TRUE(workspace.intact() && o.out.intact() && o.dqkv.intact() && o.rstd.intact() &&
                o.dq_scale.intact() && o.dk_scale.intact());
    return o;
  }
};

// Runs rms_norm on one head of every row and compares; adds its dscale to `dscale`.
template <class T>
void expect_head(const Case<T>& c, Outputs<T>& o, int64_t head, std::vector<double>& dscale) {
  const Heads s = c.s;
  const std::vector<float>& scale = head < s.H ? c.q_scale : c.k_scale;
  for (int64_t n = 0; n < s.N; ++n) {
    const size_t at = static_cast<size_t>(n * s.width() + head * s.D);
    std::vector<T> y(static_cast<size_t>(s.D)), dx = y;
    std::vector<float> d(static_cast<size_t>(s.D));
    float rstd = 0;
    rms_norm_forward(NormForward<T>{.x_NC = &c.qkv[at],
                                    .scale_C = scale.data(),
                                    .y_NC = y.data(),
                                    .rstd_N = &rstd,
                                    .N = 1,
                                    .C = s.D,
                                    .eps = 1e-5f},
                     SerialFor());
    std::vector<float> workspace(static_cast<size_t>(norm_backward_workspace(1, s.D) / 4));
    rms_norm_backward(NormBackward<T>{.dy_NC = &c.dout[at],
                                      .x_NC = &c.qkv[at],
                                      .scale_C = scale.data(),
                                      .rstd_N = &rstd,
                                      .dx_NC = dx.data(),
                                      .dscale_C = d.data(),
                                      .workspace = workspace.data(),
                                      .N = 1,
                                      .C = s.D},
                      SerialFor());
    for (size_t i = 0; i < d.size(); ++i) {
      ASSERT_EQ(as_double(o.out[static_cast<int64_t>(at + i)]), as_double(y[i]));
      ASSERT_EQ(as_double(o.dqkv[static_cast<int64_t>(at + i)]), as_double(dx[i]));
      dscale[i] += as_double(d[i]);
    }
    ASSERT_EQ(o.rstd[n * (s.H + s.K) + head], rstd);
  }
}

template <class T>
class HeadNorm : public ::testing::Test {};
TYPED_TEST_SUITE(HeadNorm, ElementTypes);

TYPED_TEST(HeadNorm, EveryHeadIsAnRmsNorm) {
  for_each_simd_target([&] {
    for (const Heads s : {Heads{1, 1, 1, 1}, {3, 4, 2, 16}, {20, 3, 1, 10}, {5, 2, 2, 33}}) {
      Case<TypeParam> c{s};
      Outputs<TypeParam> o = c.run(0.0f, SerialFor());
      std::vector<double> dq(static_cast<size_t>(s.D)), dk = dq;
      for (int64_t head = 0; head < s.H; ++head) expect_head(c, o, head, dq);
      for (int64_t head = s.H; head < s.H + s.K; ++head) expect_head(c, o, head, dk);
      expect_close(o.dq_scale.values(), dq, tolerance<float>(s.N * s.H), "dq_scale");
      expect_close(o.dk_scale.values(), dk, tolerance<float>(s.N * s.K), "dk_scale");
    }
  });
}

TYPED_TEST(HeadNorm, ValuesAndTheirGradientsPassUnchanged) {
  const Heads s{7, 3, 2, 9};
  Case<TypeParam> c{s};
  Outputs<TypeParam> o = c.run(0.0f, SerialFor());
  for (int64_t n = 0; n < s.N; ++n) {
    for (int64_t i = (s.H + s.K) * s.D; i < s.width(); ++i) {
      const int64_t at = n * s.width() + i;
      EXPECT_EQ(as_double(o.out[at]), as_double(c.qkv[static_cast<size_t>(at)]));
      EXPECT_EQ(as_double(o.dqkv[at]), as_double(c.dout[static_cast<size_t>(at)]));
    }
  }
}

TYPED_TEST(HeadNorm, ThreadsDoNotChangeBitsAndFlagAccumulates) {
  Case<TypeParam> c{Heads{500, 2, 1, 18}};
  expect_same_bits_for_all_threads([&](const ParallelFor& p) { return c.run(1.0f, p); });
  Outputs<TypeParam> added = c.run(1.0f, SerialFor()), fresh = c.run(0.0f, SerialFor());
  for (int64_t i = 0; i < 18; ++i) {
    const float before = c.q_scale[static_cast<size_t>(i)];
    EXPECT_NEAR(added.dq_scale[i], fresh.dq_scale[i] + before, 1e-3f);
  }
}

}  // namespace
}  // namespace weft::kernels::testing
