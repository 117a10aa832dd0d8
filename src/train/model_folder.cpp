#include "train/model_folder.h"

#include <nlohmann/json.hpp>

#include "nn/model_config_file.h"

namespace weft::train {
namespace {

std::string dtype_word(io::StoredType type) {
  switch (type) {
    case io::StoredType::kBF16: return "bfloat16";
    case io::StoredType::kF16: return "float16";
    default: return "float32";
  }
}

// Defaults of generation: which token ends a text.
std::string generation_config(const nn::ModelConfig& config) {
  nlohmann::ordered_json out;
  out["_from_model_config"] = true;
  if (config.bos_token_id) out["bos_token_id"] = *config.bos_token_id;
  if (config.eos_token_id.size() == 1) out["eos_token_id"] = config.eos_token_id.front();
  else if (!config.eos_token_id.empty()) out["eos_token_id"] = config.eos_token_id;
  if (config.pad_token_id) out["pad_token_id"] = *config.pad_token_id;
  return out.dump(2) + "\n";
}

// What the tokenizer knows and the config does not say.
nn::ModelConfig with_special_ids(nn::ModelConfig config, const text::Tokenizer* tokenizer) {
  if (tokenizer == nullptr) return config;
  const text::SpecialIds& ids = tokenizer->special_ids();
  if (config.eos_token_id.empty() && ids.eos) config.eos_token_id = {*ids.eos};
  if (!config.bos_token_id && ids.bos) config.bos_token_id = *ids.bos;
  if (!config.pad_token_id && ids.pad) config.pad_token_id = *ids.pad;
  return config;
}

}  // namespace

io::ModelFolder model_folder(const ModelDescription& model,
                             const std::vector<runtime::NamedTensor>& parameters,
                             io::StoredType type) {
  nn::ModelConfig config = with_special_ids(model.config, model.tokenizer);
  config.dtype = dtype_word(type);
  io::ModelFolder folder{.config = nn::hugging_face_config(config),
                         .generation_config = generation_config(config),
                         .tensors = runtime::weights_to_write(model.spec, parameters, type)};
  if (model.tokenizer != nullptr)
    for (const text::TokenizerFile& file : model.tokenizer->files())
      folder.more_files.push_back(io::text_to_write(file.name, file.content));
  return folder;
}

std::vector<io::FileToWrite> files_of(const io::ModelFolder& folder) {
  std::vector<io::FileToWrite> files = io::files_of_tensors(folder.tensors, folder.shards);
  files.push_back(io::text_to_write("config.json", folder.config));
  files.push_back(io::text_to_write("generation_config.json", folder.generation_config));
  files.insert(files.end(), folder.more_files.begin(), folder.more_files.end());
  return files;
}

}  // namespace weft::train
