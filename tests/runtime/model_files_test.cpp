// Weights from files into memory: in every stored type, as fp32 and as copies in bf16, of tensors
// longer than the piece that is converted at a time.
#include "runtime/model_files.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "io/safetensors_output.h"
#include "tests/core/temporary_folder.h"

namespace weft::runtime {
namespace {

nn::DecoderSpec small_model() {
  nn::DecoderSpec spec;
  spec.vocab_size = 4097;  // times 32: two pieces and a bit
  spec.hidden_size = 32;
  spec.layers = 1;
  spec.heads = spec.kv_heads = 2;
  spec.head_dim = 16;
  spec.intermediate_size = 40;
  spec.max_positions = 8;
  return spec;
}

// Numbers that no type of a file rounds, different all over a tensor.
float value_at(size_t tensor, size_t i) {
  return std::ldexp(static_cast<float>((i * 7 + i / 1000 + tensor) % 251), -6) - 2.0f;
}

class LoadWeights : public testing::TestWithParam<io::StoredType> {
 protected:
  LoadWeights() {
    std::vector<io::TensorToWrite> tensors;
    for (const nn::TensorName& name : nn::tensor_names(spec_)) {
      std::vector<float>& values = files_.emplace_back(static_cast<size_t>(name.shape.elements()));
      for (size_t i = 0; i < values.size(); ++i) values[i] = value_at(files_.size(), i);
    }
    size_t i = 0;
    for (const nn::TensorName& name : nn::tensor_names(spec_)) {
      const std::vector<float>& values = files_[i++];
      tensors.push_back(io::floats_to_write(name.file_name, {name.shape.begin(), name.shape.end()},
                                            values, GetParam()));
      auto& length = lengths_[name.parameter];
      length = std::max(length, static_cast<size_t>(name.offset) + values.size());
    }
    io::write_safetensors_file(real_file_system(), folder_ / "model.safetensors", tensors);
  }

  // Both kinds of memory where asked for; checks every value, and that nothing else was written.
  void check(bool masters, bool copies) {
    std::map<std::string, std::vector<float>> fp32;
    std::map<std::string, std::vector<BFloat16>> bf16;
    for (const auto& [name, length] : lengths_) {
      fp32[name].assign(length + 1, -99.0f);
      bf16[name].assign(length + 1, BFloat16(-99.0f));
    }
    load_weights(io::TensorSet::from_folder(folder_.path()), spec_, [&](const std::string& name) {
      return ParameterMemory{.master = masters ? fp32[name].data() : nullptr,
                             .copy = copies ? bf16[name].data() : nullptr};
    });
    size_t i = 0;
    for (const nn::TensorName& name : nn::tensor_names(spec_)) {
      const std::vector<float>& file = files_[i++];
      for (size_t k = 0; k < file.size(); ++k) {
        const size_t at = static_cast<size_t>(name.offset) + k;
        ASSERT_EQ(fp32[name.parameter][at], masters ? file[k] : -99.0f) << name.file_name << k;
        ASSERT_EQ(static_cast<float>(bf16[name.parameter][at]), copies ? file[k] : -99.0f) << k;
      }
    }
    for (const auto& [name, length] : lengths_) {
      EXPECT_EQ(fp32[name][length], -99.0f) << name;
      EXPECT_EQ(static_cast<float>(bf16[name][length]), -99.0f) << name;
    }
  }

  const nn::DecoderSpec spec_ = small_model();
  TemporaryFolder folder_;
  std::vector<std::vector<float>> files_;  // by tensor_names()
  std::map<std::string, size_t> lengths_;  // of parameters
};

TEST_P(LoadWeights, AsFp32) {
  check(true, false);
}
TEST_P(LoadWeights, AsCopiesInBf16) {
  check(false, true);
}
TEST_P(LoadWeights, AsBoth) {
  check(true, true);
}
TEST_P(LoadWeights, Nowhere) {
  check(false, false);
}

INSTANTIATE_TEST_SUITE_P(Types, LoadWeights,
                         testing::Values(io::StoredType::kF32, io::StoredType::kBF16,
                                         io::StoredType::kF16));

// A buffer that comes first in the file, norms in fp32 and the like say nothing of the weights.
TEST(WeightsType, IsThatOfAllMatrices) {
  const nn::DecoderSpec spec = small_model();
  const auto type_of = [&](io::StoredType matrices, io::StoredType first_matrix) {
    const TemporaryFolder folder;
    std::vector<io::TensorToWrite> tensors;
    const std::vector<float> zeros(4097 * 32);
    bool first = true;
    for (const nn::TensorName& name : nn::tensor_names(spec)) {
      const bool is_matrix = name.shape.rank() > 1;
      const io::StoredType type =
          is_matrix ? (first ? first_matrix : matrices) : io::StoredType::kF32;
      if (is_matrix) first = false;
      tensors.push_back(io::floats_to_write(
          name.file_name, {name.shape.begin(), name.shape.end()},
          std::span(zeros).first(static_cast<size_t>(name.shape.elements())), type));
    }
    tensors.push_back(
        io::floats_to_write("a.attn.bias", {2}, std::span(zeros).first(2), io::StoredType::kF32));
    io::write_safetensors_file(real_file_system(), folder / "model.safetensors", tensors);
    return weights_type(io::TensorSet::from_folder(folder.path()), spec);
  };
  using enum io::StoredType;
  for (const io::StoredType type : {kF32, kBF16, kF16}) EXPECT_EQ(type_of(type, type), type);
  EXPECT_EQ(type_of(kBF16, kF32), kF32) << "what fits all";
  EXPECT_EQ(type_of(kBF16, kF16), kF32);
}

}  // namespace
}  // namespace weft::runtime
