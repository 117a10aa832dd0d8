// A model of one's own, written and trained with Weft's public API alone: a small byte-level
// transformer (rotary positions, RMSNorm, SwiGLU) that learns the text file it is given.
#include <weft/ops.h>
#include <weft/philox.h>
#include <weft/train_program.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

using weft::Value;
namespace ops = weft::ops;

constexpr int64_t kBatch = 8, kTime = 64, kWidth = 64, kHeads = 4, kLayers = 2, kBytes = 256;

struct Model {
  weft::Graph graph;
  Value ids = graph.input("ids", {weft::DType::kI32, {kBatch, kTime}});
  Value labels = graph.input("labels", {weft::DType::kI32, {kBatch, kTime}});
  Value positions = graph.input("positions", {weft::DType::kI32, {kBatch, kTime}});
  Value angles = ops::rotary_table(graph, {.positions = kTime, .rotary_dim = kWidth / kHeads});

  Value matrix(const std::string& name, int64_t out, int64_t in) {
    return graph.parameter(name, {out, in}, weft::Initializer::normal(0.05));
  }
  Value norm(const std::string& name, Value x) {
    return ops::rms_norm(x, graph.parameter(name, {kWidth}, weft::Initializer::constant(1)));
  }
  Value attention(const std::string& name, Value x) {
    const Value qkv = ops::linear(x, matrix(name + ".qkv", 3 * kWidth, kWidth));
    const Value turned = ops::rotary(qkv, positions, angles, {kHeads, kHeads, kWidth / kHeads});
    const Value mixed = ops::attention(turned, {kHeads, kHeads, kWidth / kHeads});
    return ops::linear(mixed, matrix(name + ".out", kWidth, kWidth));
  }
  Value swiglu(const std::string& name, Value x) {
    const Value gate_up = ops::linear(x, matrix(name + ".gate_up", 2 * 4 * kWidth, kWidth));
    const Value hidden = ops::gated_activation(gate_up, ops::Activation::kSilu);
    return ops::linear(hidden, matrix(name + ".down", kWidth, 4 * kWidth));
  }
  Value loss() {  // the sum over all labels of -log p(label)
    Value x = ops::embedding(ids, matrix("embedding", kBytes, kWidth));
    for (int64_t i = 0; i < kLayers; ++i) {
      const std::string layer = "layers." + std::to_string(i);
      const weft::Graph::Scope scope(graph, layer);
      x = x + attention(layer + ".attention", norm(layer + ".norm1", x));
      x = x + swiglu(layer + ".mlp", norm(layer + ".norm2", x));
    }
    return ops::linear_cross_entropy(norm("norm", x), matrix("head", kBytes, kWidth), labels);
  }
};

int main(int argc, char** argv) try {
  std::ifstream file(argc == 2 ? argv[1] : "", std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (text.size() <= kTime) throw weft::Error("usage: own_model TEXT, a file of 65 bytes or more");

  Model model;
  weft::TrainProgram program(model.graph, model.loss(), {.compute = weft::DType::kBF16});
  std::printf("memory, planned before anything runs: %ld bytes\n", long(program.planned_bytes()));
  const auto ids = program.input<int32_t>("ids"), labels = program.input<int32_t>("labels");
  const auto positions = program.input<int32_t>("positions");
  for (int64_t step = 0; step <= 200; ++step) {
    for (int64_t i = 0; i < kBatch * kTime; ++i) {
      const uint64_t start = weft::philox(42, step, i / kTime)[0] % (text.size() - kTime);
      positions[i] = i % kTime;  // each row is a piece of the text, from a random place on
      ids[i] = uint8_t(text[start + i % kTime]);
      labels[i] = uint8_t(text[start + i % kTime + 1]);
    }
    const weft::StepResult result = program.step({.labels = kBatch * kTime, .learning_rate = 3e-3});
    if (step % 20 == 0) std::printf("step %3d  loss %.4f\n", int(step), result.loss);
  }
} catch (const weft::Error& error) {
  std::fprintf(stderr, "own_model: %s\n", error.what());
  return 2;
}
