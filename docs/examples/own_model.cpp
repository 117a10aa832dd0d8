// A model of one's own, written and trained with Weft's public API alone: a small byte-level
// transformer (rotary positions, RMSNorm, SwiGLU) that learns the text file it is given.
#include <weft/ops.h>
#include <weft/philox.h>
#include <weft/train_program.h>

#include <cstdio>
#include <fstream>
#include <string>

using namespace weft;

constexpr int64_t kBatch = 8, kTime = 64, kWidth = 64, kHeads = 4, kHead = 16, kBytes = 256;

struct Model {
  Graph graph;
  Value ids = graph.input("ids", {DType::kI32, {kBatch, kTime}});
  Value labels = graph.input("labels", {DType::kI32, {kBatch, kTime}});
  Value positions = graph.input("positions", {DType::kI32, {kBatch, kTime}});
  Value angles = ops::rotary_table(graph, {.positions = kTime, .rotary_dim = kHead});

  Value matrix(const std::string& name, int64_t out, int64_t in) {
    return graph.parameter(name, {out, in}, Initializer::normal(0.05));
  }
  Value norm(const std::string& name, Value x) {
    return ops::rms_norm(x, graph.parameter(name, {kWidth}, Initializer::constant(1)));
  }
  Value attention(const std::string& name, Value x) {
    const Value qkv = ops::linear(x, matrix(name + ".qkv", 3 * kWidth, kWidth));
    const Value turned = ops::rotary(qkv, positions, angles, {kHeads, kHeads, kHead});
    const Value mixed = ops::attention(turned, {kHeads, kHeads, kHead});
    return ops::linear(mixed, matrix(name + ".out", kWidth, kWidth));
  }
  Value swiglu(const std::string& name, Value x) {
    const Value gate_up = ops::linear(x, matrix(name + ".gate_up", 8 * kWidth, kWidth));
    const Value hidden = ops::gated_activation(gate_up, ops::Activation::kSilu);
    return ops::linear(hidden, matrix(name + ".down", kWidth, 4 * kWidth));
  }
  Value loss() {  // the sum over all labels of -log p(label)
    Value x = ops::embedding(ids, matrix("embedding", kBytes, kWidth));
    for (const std::string layer : {"layers.0", "layers.1"}) {
      x = x + attention(layer + ".attention", norm(layer + ".norm1", x));
      x = x + swiglu(layer + ".mlp", norm(layer + ".norm2", x));
    }
    return ops::linear_cross_entropy(norm("norm", x), matrix("head", kBytes, kWidth), labels);
  }
};

int main(int argc, char** argv) try {
  std::ifstream file(argc == 2 ? argv[1] : "", std::ios::binary);
  std::string text;
  if (!std::getline(file, text, '\0') || text.size() <= kTime) throw Error("a longer TEXT, please");

  Model model;
  TrainProgram program(model.graph, model.loss(), {.compute = DType::kBF16});
  const auto ids = program.input<int32_t>("ids"), labels = program.input<int32_t>("labels");
  for (int64_t i = 0; i < kBatch * kTime; ++i) program.input<int32_t>("positions")[i] = i % kTime;
  for (int64_t step = 0; step <= 200; ++step) {
    for (int64_t i = 0; i < kBatch * kTime; ++i) {  // each row is a piece of the text
      const uint64_t start = philox(42, step, i / kTime)[0] % (text.size() - kTime);
      ids[i] = uint8_t(text[start + i % kTime]);
      labels[i] = uint8_t(text[start + i % kTime + 1]);
    }
    const double loss = program.step({.labels = kBatch * kTime, .learning_rate = 3e-3}).loss;
    if (step % 20 == 0) std::printf("step %3d  loss %.4f\n", int(step), loss);
  }
} catch (const Error& error) {
  return std::fprintf(stderr, "own_model: %s\n", error.what()), 2;
}
