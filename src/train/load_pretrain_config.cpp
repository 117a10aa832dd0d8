#include "train/load_pretrain_config.h"

#include "config/load.h"
#include "config/model_files.h"
#include "core/quote.h"
#include "core/tree/json_tree.h"
#include "nn/model_config_file.h"
#include "weft/error.h"

namespace weft::train {
namespace {

// Where a model's keys stand: a folder's config.json, a file, or a published name's file.
Path model_file(const std::string& name_or_path, const Path& near) {
  const FileKind kind = real_file_system().status(name_or_path).kind;
  if (kind == FileKind::kFolder) return Path(name_or_path) / "config.json";
  const bool is_path = kind != FileKind::kMissing || name_or_path.find('/') != std::string::npos;
  if (is_path) return name_or_path;
  return config::find_model_file(name_or_path, config::model_folders(near));
}

// Reads what base_config or base_model names; errors say where it was named.
void read_named_model(PretrainConfig& c, const Tree& tree, const Path& near,
                      std::vector<std::string>& notes, const config::ReadText& read_text) {
  const std::string key = c.base_model ? "base_model" : "base_config";
  try {
    Path path = c.base_model ? *c.base_model : *c.base_config;
    if (c.base_model) path /= "config.json";
    c.model = load_model_config(path.string(), near, notes, read_text);
  } catch (const Error& error) {
    throw Error(tree.find(key)->at.to_string() + ": " + key + ": " + error.what(), error.code());
  }
}

void check_length(const PretrainConfig& c, const Tree& tree) {
  if (c.sequence_len <= c.model->max_position_embeddings) return;
  const Tree* model = tree.find("model");
  std::string place;
  if (model != nullptr && model->is_map())
    if (const Tree* given = model->find("max_position_embeddings"))
      place = ", " + given->at.to_string();
  throw Error(tree.find("sequence_len")->at.to_string() + ": sequence_len (" +
              std::to_string(c.sequence_len) + ") is more than the model's " +
              std::string(c.model->written_name("max_position_embeddings")) + " (" +
              std::to_string(c.model->max_position_embeddings) + place + "); change one of them");
}

}  // namespace

nn::ModelConfig load_model_config(const std::string& name_or_path, const Path& near,
                                  std::vector<std::string>& notes,
                                  const config::ReadText& read_text) {
  const Path file = model_file(name_or_path, near);
  if (file.extension() == ".json")
    return nn::read_hugging_face_config(parse_json_tree(read_text(file), printable(file.native())),
                                        notes);
  config::Loaded<nn::ModelConfig> loaded = config::load<nn::ModelConfig>(file, {}, read_text);
  notes.insert(notes.end(), loaded.notes.begin(), loaded.notes.end());
  return loaded.value;
}

LoadedPretrainConfig load_pretrain_config(const Path& file, std::span<const std::string> overrides,
                                          const config::ReadText& read_text) {
  config::Loaded<PretrainConfig> loaded = config::load<PretrainConfig>(file, overrides, read_text);
  LoadedPretrainConfig result{std::move(loaded.value), std::move(loaded.notes)};
  if (!result.config.model)
    read_named_model(result.config, loaded.tree, file, result.notes, read_text);
  result.config.base_config.reset();  // `model` says it all
  check_length(result.config, loaded.tree);
  return result;
}

}  // namespace weft::train
