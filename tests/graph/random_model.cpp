#include "random_model.h"

#include "weft/ops/activation.h"
#include "weft/ops/add.h"
#include "weft/ops/add_rms_norm.h"
#include "weft/ops/gated_activation.h"
#include "weft/ops/layer_norm.h"
#include "weft/ops/linear.h"
#include "weft/ops/matmul.h"
#include "weft/ops/mul.h"
#include "weft/ops/reduce.h"
#include "weft/ops/rms_norm.h"
#include "weft/ops/scale.h"

namespace weft::test {
namespace {

constexpr int64_t kBatch = 2, kTime = 3, kWidth = 4;

class Builder {
 public:
  Builder(uint64_t seed, int operators) : dice_(seed), operators_(operators) {}

  RandomModel run(Unused unused) {
    model_.input = model_.graph.input("x", {DType::kF32, {kBatch, kTime, kWidth}});
    pool_ = {model_.input};
    for (int i = 0; i < operators_; ++i) {
      const Graph::Scope scope(model_.graph, "layers." + std::to_string(3 * i / operators_));
      pool_.push_back(next());
    }
    // The last value, so that the graph is deep, and an earlier one that is used once more.
    model_.loss = ops::add(ops::sum(ops::activation(pool_.back(), ops::Activation::kTanh)),
                           ops::mean(ops::mul(pick(), pick())));
    if (unused == Unused::kSome) {
      parameter({kWidth});
      return std::move(model_);
    }
    for (const Value& value : pool_)
      model_.loss = ops::add(model_.loss, ops::sum(ops::scale(value, 0.01)));
    return std::move(model_);
  }

 private:
  Value parameter(Shape shape) {
    const std::string name = "p" + std::to_string(model_.parameters.size());
    model_.parameters.push_back(model_.graph.parameter(name, shape, Initializer::normal(1)));
    return model_.parameters.back();
  }

  // A parameter of that shape: one that there is already, every third time.
  Value weight(Shape shape) {
    if (dice_.below(3) == 0)
      for (const Value& known : model_.parameters)
        if (known.shape() == shape) return known;
    return parameter(shape);
  }

  // Recent values more often: graphs shall be deep.
  Value pick() {
    const int n = static_cast<int>(pool_.size());
    const int back = dice_.below(2) == 0 ? 0 : dice_.below(n);
    return pool_[static_cast<size_t>(n - 1 - back)];
  }

  Value next() {
    switch (dice_.below(10)) {
      case 0: return ops::add(pick(), pick());
      case 1: return ops::mul(pick(), ops::activation(pick(), ops::Activation::kTanh));
      case 2: return ops::scale(pick(), -0.5);
      case 3: return ops::activation(pick(), ops::Activation::kSilu);
      case 4: return ops::rms_norm(pick(), weight({kWidth}), 1e-2);
      case 5: return ops::layer_norm(pick(), weight({kWidth}), weight({kWidth}), 1e-2);
      case 6: return ops::linear(pick(), weight({kWidth, kWidth}), weight({kWidth}));
      case 7: return attend(pick(), pick());
      case 8: return gated(pick());
      default: return norm_of_sum(pick(), pick());
    }
  }

  Value attend(Value a, Value b) {
    const Value scores = ops::scale(ops::matmul(a, b, {.transpose_b = true}), 0.1);
    return ops::matmul(scores, b);
  }
  Value gated(Value x) {
    const Value both = ops::linear(x, weight({2 * kWidth, kWidth}));
    return ops::gated_activation(both, ops::Activation::kSilu);
  }
  Value norm_of_sum(Value a, Value b) {
    const ops::NormOfSum both = ops::add_rms_norm(a, b, weight({kWidth}), 1e-2);
    return dice_.below(2) == 0 ? both.y : ops::add(both.y, both.sum);
  }

  RandomModel model_;
  std::vector<Value> pool_;
  Dice dice_;
  int operators_;
};

}  // namespace

RandomModel random_model(uint64_t seed, int operators, Unused unused) {
  return Builder(seed, operators).run(unused);
}

std::vector<double> values_by_name(const std::string& name, int64_t elements) {
  const uint64_t key = random_key(0, name);
  std::vector<double> values;
  for (int64_t i = 0; i < elements; ++i) {
    const PhiloxBlock words = philox(key, static_cast<uint64_t>(i));
    values.push_back(static_cast<float>(normal_from(words[0], words[1])[0]));
  }
  return values;
}

}  // namespace weft::test
