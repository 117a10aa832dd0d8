// What verbs that use a trained model share: naming it, opening it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "io/tensor_set.h"
#include "nn/decoder_spec.h"
#include "nn/model_config.h"
#include "runtime/forward_session.h"
#include "text/tokenizer.h"
#include "weft/dtype.h"

namespace weft::cli {

// What --precision may be.
inline const std::vector<std::string> kPrecisions = {"auto", "fp32", "bf16"};

struct InferenceOptions {
  std::string model;
  std::string precision = "fp32";  // or bf16, or auto
  int threads = 0;
  std::string device = "auto";
  std::string kernels;
};
void add_inference_options(Verb& verb, InferenceOptions& options);

// A Hugging Face folder, opened; a run or checkpoint folder of ours is one, too.
struct ModelFolder {
  Path path;
  nn::ModelConfig config;
  nn::DecoderSpec spec;
  std::unique_ptr<const text::Tokenizer> tokenizer;  // null if the folder has none
  io::TensorSet tensors;
};

// Throws Error saying what is missing. With `needs_tokenizer` a folder without one is an error.
ModelFolder open_model(const InferenceOptions& options, bool needs_tokenizer = true);

// Where the model of a run lies: the folder itself if it has a config.json, else its latest intact
// checkpoint.
Path model_folder_of(const Path& folder);

// What to compute in: fp32, bf16, or, by the word auto, bf16 where the model's matrices are stored
// so, which halves what is read for a token, and else fp32.
DType compute_type(const std::string& precision, const ModelFolder& model);

// What --device means here; standard error is told of a GPU. Throws Error for one that was asked
// for and cannot be used.
runtime::DeviceChoice device_of(const InferenceOptions& options);

// Tokens that end a text: what generation_config.json says, else config.json, else the tokenizer.
std::vector<int32_t> end_tokens(const ModelFolder& folder);

}  // namespace weft::cli
