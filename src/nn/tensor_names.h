// Names of a model's parameters, and how they are found in a Hugging Face folder. Projections that
// are computed together are one parameter of ours and several tensors there, one below the other.
#pragma once

#include <string>
#include <vector>

#include "nn/decoder_spec.h"
#include "weft/shape.h"

namespace weft::nn {

// The parts of a decoder that have parameters of their own.
enum class Part : uint8_t {
  kEmbedding,
  kPositions,
  kAttentionNorm,
  kQkv,
  kQNorm,
  kKNorm,
  kAttentionOut,
  kMlpNorm,
  kMlpIn,  // gate and up, or the one input projection
  kMlpOut,
  kFinalNorm,
  kHead,
};

// "model.layers.3.self_attn.qkv_proj.weight"; `layer` is ignored outside of layers.
std::string parameter_name(Family family, Part part, int64_t layer, bool bias = false);

// A tensor of a Hugging Face folder and the elements of our parameter that it is.
struct TensorName {
  std::string file_name;
  std::string parameter;
  int64_t offset = 0;  // in elements
  Shape shape;
};

// All tensors of a model in the order of its parameters. A tied head has no tensor of its own.
std::vector<TensorName> tensor_names(const DecoderSpec& spec);

}  // namespace weft::nn
