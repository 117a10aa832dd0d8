#include "nn/model_config_file.h"

#include <algorithm>

#include "core/contained_file.h"
#include "core/quote.h"
#include "core/tree/bind.h"
#include "core/tree/json_tree.h"
#include "core/tree/schema.h"
#include "nn/model_config_keys.h"
#include "weft/error.h"

namespace weft::nn {
namespace {

// Bookkeeping that every folder has: of transformers, and `exported_by` of our own.
bool is_bookkeeping(std::string_view key) {
  const auto known = keys_without_effect();
  return key == "exported_by" || std::find(known.begin(), known.end(), key) != known.end();
}

// Leaves misspelt keys for the binder to refuse.
void drop_unknown_keys(Tree& config, const Schema& schema, Report& report) {
  std::string dropped;
  Position at;
  const std::vector<std::string_view> names = schema.names();
  std::erase_if(config.entries, [&](const TreeEntry& entry) {
    if (schema.find(entry.key) != nullptr || !nearest(entry.key, names).empty()) return false;
    if (dropped.empty()) at = entry.at;
    if (dropped.size() < 1000) dropped += (dropped.empty() ? "" : ", ") + quote(entry.key);
    return true;
  });
  if (!dropped.empty())
    report.note(at, "",
                "keys that Weft does not know: " + dropped +
                    "; if one of them changes the arithmetic, results will differ");
}

std::string_view architecture_of(ModelType type) {
  switch (type) {
    case ModelType::kGpt2: return "GPT2LMHeadModel";
    case ModelType::kLlama: return "LlamaForCausalLM";
    case ModelType::kMistral: return "MistralForCausalLM";
    case ModelType::kQwen2: return "Qwen2ForCausalLM";
    case ModelType::kQwen3: return "Qwen3ForCausalLM";
  }
  return "";
}

// rope_parameters as version 4 has it: rope_theta beside rope_scaling.
void split_rope(Tree& config) {
  const Tree* rope = config.find("rope_parameters");
  if (rope == nullptr) return;
  Tree scaling = *rope;
  config.set("rope_theta", *rope->find("rope_theta"));
  scaling.erase("rope_theta");
  const bool is_default = scaling.find("rope_type")->is_word("default");
  if (scaling.find("rope_type")->is_word("linear"))  // the name before rope_type
    scaling.set("type", Tree::scalar("linear", true));
  config.set("rope_scaling", is_default ? Tree() : std::move(scaling));
  config.erase("rope_parameters");
}

}  // namespace

ModelConfig read_hugging_face_config(Tree config, std::vector<std::string>& notes) {
  Report report;
  ModelConfig result;
  if (expect_map(config, "", report)) {
    const Schema schema = schema_of<ModelConfig>();
    std::erase_if(config.entries, [](const TreeEntry& entry) { return is_bookkeeping(entry.key); });
    resolve_names(config, schema, report);
    drop_unknown_keys(config, schema, report);
    bind_struct(config, result, "", report);
  }
  report.throw_errors();
  notes.insert(notes.end(), report.notes().begin(), report.notes().end());
  return result;
}

ModelConfig read_hugging_face_config(const Path& file_or_folder, std::vector<std::string>& notes) {
  const bool is_folder = real_file_system().status(file_or_folder).kind == FileKind::kFolder;
  const Path file = is_folder ? file_or_folder / "config.json" : file_or_folder;
  if (is_folder) refuse_link_outside(file_or_folder, file);
  return read_hugging_face_config(read_json_tree(file), notes);
}

std::string hugging_face_config(const ModelConfig& config) {
  Tree architectures = Tree::list();
  architectures.items.push_back(
      Tree::scalar(std::string(architecture_of(config.model_type)), true));
  Tree tree = Tree::map();
  tree.set("architectures", std::move(architectures));
  for (TreeEntry& entry : to_tree(config).entries) tree.set(entry.key, std::move(entry.value));
  split_rope(tree);
  if (const Tree* dtype = tree.find("dtype")) {
    tree.set("torch_dtype", *dtype);
    tree.erase("dtype");
  }
  for (const std::string_view key : {"bos_token_id", "eos_token_id", "pad_token_id"})
    if (tree.find(key) == nullptr) tree.set(key, Tree());
  tree.set("use_cache", Tree::scalar("true"));
  return to_json(tree);
}

}  // namespace weft::nn
