// A pretraining config from its file to the values that a run uses.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/layers.h"
#include "train/pretrain_config.h"

namespace weft::train {

struct LoadedPretrainConfig {
  PretrainConfig config;           // `model` and the accumulation are filled in
  std::vector<std::string> notes;  // aliases, keys without effect: to be shown to the user
};

// Reads `file` with what it extends and `overrides` ("key=value"), then the model that base_config
// or base_model names (base_model's weights are not touched). Relative paths but that of `extends`
// are relative to the working folder. config::print of the result loads to an equal config.
//
// Throws Error with every mistake on a line of its own, each with file:line:column.
LoadedPretrainConfig load_pretrain_config(
    const Path& file, std::span<const std::string> overrides = {},
    const config::ReadText& read_text = config::read_config_text);

// The sizes of a model: a name of configs/models, a Hugging Face folder, a config.json or a YAML
// file with the keys of `model:`. `near` is the config that names it, or empty.
nn::ModelConfig load_model_config(const std::string& name_or_path, const Path& near,
                                  std::vector<std::string>& notes,
                                  const config::ReadText& read_text = config::read_config_text);

// The text of docs/config.md.
std::string pretrain_config_document();

}  // namespace weft::train
