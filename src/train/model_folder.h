// A trained model as the files of a Hugging Face folder.
#pragma once

#include <vector>

#include "io/hf_folder.h"
#include "nn/model_config.h"
#include "runtime/model_files.h"
#include "text/tokenizer.h"

namespace weft::train {

struct ModelDescription {
  nn::ModelConfig config;
  nn::DecoderSpec spec;
  const text::Tokenizer* tokenizer = nullptr;  // may be null
};

// The folder's contents. `parameters` are fp32 and must live until the files are written.
io::ModelFolder model_folder(const ModelDescription& model,
                             const std::vector<runtime::NamedTensor>& parameters,
                             io::StoredType type);

// The same as plain files, for a checkpoint that holds more beside them.
std::vector<io::FileToWrite> files_of(const io::ModelFolder& folder);

}  // namespace weft::train
