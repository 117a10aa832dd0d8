// A model's configuration as Hugging Face's config.json, in the forms of transformers 4 and 5.
#pragma once

#include <string>
#include <vector>

#include "core/file_system.h"
#include "nn/model_config.h"

namespace weft::nn {

// `config` is a tree of config.json. Keys without effect are dropped; other keys that are not known
// are dropped with a note, since files carry much bookkeeping, but a misspelt key (close to a known
// one) and a key that would change the arithmetic are errors. Throws Error with positions.
ModelConfig read_hugging_face_config(Tree config, std::vector<std::string>& notes);

// config.json itself, or the folder that holds it.
ModelConfig read_hugging_face_config(const Path& file_or_folder, std::vector<std::string>& notes);

// The text of a config.json that transformers 4 and 5 open: keys of version 4, which 5 reads too.
std::string hugging_face_config(const ModelConfig& config);

}  // namespace weft::nn
