// A trained model as the files of a Hugging Face folder.
#pragma once

#include <vector>

#include "io/folder_writer.h"
#include "nn/model_config.h"
#include "runtime/model_files.h"
#include "text/tokenizer.h"

namespace weft::train {

struct ModelDescription {
  nn::ModelConfig config;
  nn::DecoderSpec spec;
  const text::Tokenizer* tokenizer = nullptr;  // may be null
};

// config.json, generation_config.json, model.safetensors (or shards with their index), tokenizer
// files. `parameters` are fp32 and must live until the files are written.
std::vector<io::FileToWrite> model_folder(const ModelDescription& model,
                                          const std::vector<runtime::NamedTensor>& parameters,
                                          io::StoredType type);

}  // namespace weft::train
