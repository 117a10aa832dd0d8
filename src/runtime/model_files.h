// A model's parameters between memory and the tensors of a Hugging Face folder.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "graph/op_contract.h"
#include "io/tensor_set.h"
#include "nn/tensor_names.h"

namespace weft::runtime {

// A tensor under a name that depends on no layout.
struct NamedTensor {
  std::string name;
  graph::Tensor tensor;
};

// Where the values of a parameter go. Both places may be given: fp32 masters and their copies.
struct ParameterMemory {
  float* master = nullptr;
  BFloat16* copy = nullptr;
};
using FindParameter = std::function<ParameterMemory(const std::string& parameter)>;

// Reads every tensor of the model. Throws Error naming the tensor if one is missing, has another
// shape, or is there and belongs to no parameter: weights are never ignored silently.
void load_weights(const io::TensorSet& tensors, const nn::DecoderSpec& spec,
                  const FindParameter& find);

// Everything for which load_weights() would refuse, a sentence each, without reading the weights
// (but a head that is tied is compared with its embedding).
std::vector<std::string> weight_problems(const io::TensorSet& tensors, const nn::DecoderSpec& spec);

// What the model's matrices are stored in: BF16 or F16 where that is so of all of them, else F32,
// which holds what there is of other types.
io::StoredType weights_type(const io::TensorSet& tensors, const nn::DecoderSpec& spec);

// The model's tensors as they stand in a Hugging Face folder, in the type `type` (F32, BF16 or
// F16). `parameters` are fp32 and must live until the folder is written.
std::vector<io::TensorToWrite> weights_to_write(const nn::DecoderSpec& spec,
                                                const std::vector<NamedTensor>& parameters,
                                                io::StoredType type);

// A tensor in memory, fp32, as a file holds it.
io::TensorToWrite tensor_to_write(std::string name, const graph::Tensor& tensor);

}  // namespace weft::runtime
