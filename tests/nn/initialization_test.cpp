// First values of parameters: as published for each family, and keyed by the names of a Hugging
// Face folder, so that neither packing nor order changes a single one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "nn/decoder.h"
#include "train/initialize.h"
#include "train/session.h"
#include "weft/ops/add.h"
#include "weft/ops/reduce.h"

namespace weft::test {
namespace {

constexpr uint64_t kSeed = 11;

using Tensors = std::map<std::string, std::vector<float>>;  // by the name in the file

nn::DecoderSpec llama() {
  return {.vocab_size = 61,
          .hidden_size = 48,
          .layers = 3,
          .heads = 6,
          .kv_heads = 2,
          .head_dim = 8,
          .intermediate_size = 80,
          .max_positions = 16,
          .qkv_bias = true};
}

nn::DecoderSpec gpt2() {
  return {.family = nn::Family::kGpt2,
          .vocab_size = 61,
          .hidden_size = 48,
          .layers = 3,
          .heads = 6,
          .kv_heads = 6,
          .head_dim = 8,
          .intermediate_size = 192,
          .max_positions = 16,
          .norm = nn::NormKind::kLayerNorm,
          .learned_positions = true,
          .rotary = false,
          .activation = ops::Activation::kGeluTanh,
          .gated = false,
          .qkv_bias = true,
          .attention_out_bias = true,
          .mlp_bias = true,
          .tied_head = true,
          .scaled_residual_init = true};
}

Tensors first_values(const nn::DecoderSpec& spec, uint64_t seed = kSeed, int threads = 1) {
  Graph graph;
  const Value loss = nn::build_loss(graph, spec, {.time = 4});
  train::Session session(train::plan_session(train::build_step_graph(graph.data(), loss, {}), {},
                                             {.threads = threads}),
                         seed);
  std::map<std::string, const float*> memory;
  for (const auto& entry : session.parameters()) memory[entry.name] = entry.tensor.as<float>();
  Tensors result;
  for (const nn::TensorName& name : nn::tensor_names(spec)) {
    const float* from = memory.at(name.parameter) + name.offset;
    result[name.file_name] = {from, from + name.shape.elements()};
  }
  return result;
}

// What a parameter of that name, which stands alone, starts with.
std::vector<float> alone(const std::string& name, size_t elements, double deviation) {
  std::vector<float> values(elements);
  train::initialize_parameter(name, Initializer::normal(deviation), kSeed, values, SerialFor());
  return values;
}

bool is_matrix(const std::string& name) {
  return name.find("norm") == std::string::npos && name.find("ln_") == std::string::npos &&
         !name.ends_with(".bias");
}

TEST(Initialization, OfLlamaIsNormalWithDeviationTwoHundredthsKeyedByNamesOfTheFile) {
  const Tensors values = first_values(llama());
  EXPECT_EQ(values.count("model.layers.2.self_attn.k_proj.weight"), 1u);
  EXPECT_EQ(values.count("model.layers.2.mlp.up_proj.weight"), 1u);
  for (const auto& [name, tensor] : values)
    EXPECT_TRUE(!is_matrix(name) || tensor == alone(name, tensor.size(), 0.02)) << name;
}

TEST(Initialization, OfGpt2ScalesProjectionsIntoTheResidualStream) {
  const Tensors values = first_values(gpt2());
  const double scaled = 0.02 / std::sqrt(2.0 * 3.0);
  int projections = 0;
  for (const auto& [name, tensor] : values) {
    if (!is_matrix(name)) continue;
    const bool into_residual = name.ends_with("c_proj.weight");
    projections += into_residual ? 1 : 0;
    EXPECT_EQ(tensor, alone(name, tensor.size(), into_residual ? scaled : 0.02)) << name;
  }
  EXPECT_EQ(projections, 6);
}

TEST(Initialization, OfNormsIsOneAndOfBiasesZero) {
  for (const nn::DecoderSpec& spec : {llama(), gpt2()})
    for (const auto& [name, tensor] : first_values(spec)) {
      if (is_matrix(name)) continue;
      const float expected = name.ends_with(".bias") ? 0.0f : 1.0f;
      EXPECT_THAT(tensor, testing::Each(expected)) << name;
    }
}

TEST(Initialization, HasTheDeviationThatItSays) {
  const std::vector<float> values = alone("w", 100000, 0.02);
  double sum = 0, square = 0;
  for (const float value : values) {
    sum += static_cast<double>(value);
    square += static_cast<double>(value) * static_cast<double>(value);
  }
  const double n = static_cast<double>(values.size());
  EXPECT_LE(std::abs(sum / n), 5 * 0.02 / std::sqrt(n));
  EXPECT_LE(std::abs(std::sqrt(square / n) / 0.02 - 1), 5 / std::sqrt(2 * n));
}

TEST(Initialization, DependsOnTheSeedAndOnNeitherThreadsNorOtherLayers) {
  nn::DecoderSpec deeper = llama();
  deeper.layers = 4;
  const Tensors values = first_values(llama()), more = first_values(deeper);
  EXPECT_EQ(values, first_values(llama(), kSeed, 3));
  for (const auto& [name, tensor] : values) EXPECT_EQ(tensor, more.at(name)) << name;
  const Tensors other = first_values(llama(), kSeed + 1);
  EXPECT_NE(values.at("lm_head.weight"), other.at("lm_head.weight"));
}

TEST(Initialization, NoTwoTensorsStartAlike) {
  std::map<float, std::string> first;
  for (const auto& [name, tensor] : first_values(llama())) {
    if (!is_matrix(name)) continue;
    const auto [entry, is_new] = first.emplace(tensor[0], name);
    EXPECT_TRUE(is_new) << name << " starts like " << entry->second;
  }
}

// One graph makes two parameters in one order, the other in the other order and packed.
TEST(Initialization, DependsOnNeitherOrderNorPacking) {
  Graph apart, packed;
  const auto normal = Initializer::normal(1);
  const Value a = apart.parameter("a", {2, 3}, normal), b = apart.parameter("b", {5, 3}, normal);
  Initializer both = normal;
  both.parts = {{"b", 15}, {"a", 6}};
  const Value p = packed.parameter("p", {7, 3}, both);
  TrainProgram one(apart, ops::add(ops::sum(a), ops::sum(b)), {.threads = 1, .seed = 3});
  TrainProgram other(packed, ops::sum(p), {.threads = 1, .seed = 3});
  std::vector<float> expected(one.parameter("b").begin(), one.parameter("b").end());
  expected.insert(expected.end(), one.parameter("a").begin(), one.parameter("a").end());
  EXPECT_THAT(other.parameter("p"), testing::ElementsAreArray(expected));
}

TEST(Initialization, PartsMustFillTheirParameter) {
  Graph graph;
  Initializer parts = Initializer::normal(1);
  parts.parts = {{"a", 5}};
  try {
    graph.parameter("p", {2, 3}, parts);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "the parts of parameter 'p' have 5 elements, its shape [2, 3] has 6");
  }
}

}  // namespace
}  // namespace weft::test
