// The readers behind `weft inspect` (inspect_formats.h): each opens a file as training would, and
// says what is in it.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/inspect_formats.h"
#include "config/load.h"
#include "config/yaml_reader.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "core/tree/write.h"
#include "data/dataset_manifest.h"
#include "data/prepare.h"
#include "data/prepare_config.h"
#include "generate/generation_config.h"
#include "io/checkpoint_folder.h"
#include "io/hash.h"
#include "io/hf_folder.h"
#include "io/llama2c.h"
#include "io/tensor_set.h"
#include "nn/decoder_spec.h"
#include "nn/model_config_file.h"
#include "runtime/model_files.h"
#include "text/tokenizer_info.h"
#include "train/load_pretrain_config.h"
#include "train/optimizer_file.h"
#include "train/run_state.h"

namespace weft::cli {

using nlohmann::ordered_json;

namespace {

ordered_json file_facts(const Path& file, const FormatOptions& options) {
  ordered_json facts = {{"bytes", real_file_system().status(file).size}};
  if (options.hashes)
    facts["xxh3_128"] = io::hash_file(real_file_system(), file, ReadFrom::kCache).hex;
  return facts;
}

ordered_json tensor_rows(const std::vector<io::TensorView>& tensors, const FormatOptions& options) {
  auto rows = ordered_json::array();
  for (const io::TensorView& tensor : tensors) {
    rows.push_back({{"name", tensor.name},
                    {"dtype", io::name_of(tensor.type)},
                    {"shape", tensor.shape},
                    {"bytes", tensor.bytes.size()}});
    if (!options.hashes) continue;
    rows.back()["xxh3_128"] =
        io::hash_hex({reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()});
  }
  return rows;
}

ordered_json set_facts(const io::TensorSet& set, const FormatOptions& options) {
  auto files = ordered_json::array();
  int64_t elements = 0;
  for (const io::SafetensorsFile& file : set.files()) {
    ordered_json row = {{"name", file.path().filename().string()}};
    row.update(file_facts(file.path(), options));
    files.push_back(std::move(row));
  }
  for (const io::TensorView& tensor : set.tensors()) elements += tensor.elements();
  return {{"files", std::move(files)},
          {"metadata", set.metadata()},
          {"elements", elements},
          {"tensors", tensor_rows(set.tensors(), options)}};
}

ordered_json config_facts(const nn::ModelConfig& config, const std::vector<std::string>& notes) {
  auto facts = ordered_json::parse(nn::hugging_face_config(config));
  if (!notes.empty()) facts["notes"] = notes;
  return facts;
}

// Words without quotes, such as `auto`, are text in JSON.
ordered_json json_of(const Tree& tree) {
  if (tree.is_null()) return nullptr;
  if (tree.is_scalar()) {
    const auto value = tree.quoted ? ordered_json(ordered_json::value_t::discarded)
                                   : ordered_json::parse(tree.text, nullptr, false);
    return value.is_discarded() ? ordered_json(tree.text) : value;
  }
  ordered_json out = tree.is_list() ? ordered_json::array() : ordered_json::object();
  for (const Tree& item : tree.items) out.push_back(json_of(item));
  for (const TreeEntry& entry : tree.entries) out[entry.key] = json_of(entry.value);
  return out;
}

template <class T>
ordered_json values_of(const T& config, const std::vector<std::string>& notes) {
  ordered_json facts = json_of(to_tree(config));
  if (!notes.empty()) facts["notes"] = notes;
  return facts;
}

ordered_json manifest_facts(const io::CheckpointManifest& manifest) {
  ordered_json facts = {{"step", manifest.step}};
  if (manifest.score) facts["score"] = *manifest.score;
  facts["notes"] = manifest.notes;
  facts["files"] = ordered_json::array();
  for (const io::WrittenFile& file : manifest.files)
    facts["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"xxh3_128", file.hash}});
  return facts;
}

bool has_tokenizer(const FormatSource& source) {
  const std::vector<Path> files = io::tokenizer_files(source.path);
  return std::any_of(files.begin(), files.end(), [](const Path& file) {
    const std::string name = file.filename().string();
    return name == "tokenizer.json" || name == "tokenizer.model" || name == "spiece.model" ||
           name == "vocab.json" || name == "vocab.txt";
  });
}

}  // namespace

ordered_json inspect_weights(const FormatSource& source, const FormatOptions& options) {
  return set_facts(io::TensorSet::from_file(source.path), options);
}

ordered_json inspect_index(const FormatSource& source, const FormatOptions& options) {
  return set_facts(io::TensorSet::from_index(source.path), options);
}

// One model, or single files that have nothing to do with each other.
ordered_json inspect_weights_folder(const FormatSource& source, const FormatOptions& options) {
  if (source.has("model.safetensors") || source.has("model.safetensors.index.json"))
    return set_facts(io::TensorSet::from_folder(source.path), options);
  ordered_json facts;
  for (const std::string& name : real_file_system().list(source.path)) {
    if (name.ends_with(".safetensors.index.json"))
      facts[name] = inspect_index(source.file(name), options);
    else if (name.ends_with(".safetensors"))
      facts[name] = inspect_weights(source.file(name), options);
  }
  return facts;
}

ordered_json inspect_llama2c(const FormatSource& source, const FormatOptions& options) {
  if (source.name == "tokenizer.bin") {
    const auto tokenizer = io::read_llama2c_tokenizer(source.path, io::kAnyVocabulary);
    ordered_json facts = file_facts(source.path, options);
    facts["vocab_size"] = tokenizer.pieces.size();
    return facts;
  }
  const io::Llama2cFile file(source.path);
  ordered_json facts = file_facts(source.path, options);
  facts["config"] = ordered_json::parse(file.config().to_json());
  facts["tensors"] = ordered_json::array();
  for (const io::TensorToWrite& tensor : file.tensors())
    facts["tensors"].push_back({{"name", tensor.name},
                                {"dtype", io::name_of(tensor.type)},
                                {"shape", tensor.shape},
                                {"bytes", tensor.bytes()}});
  return facts;
}

ordered_json inspect_model_folder(const FormatSource& source, const FormatOptions& options) {
  std::vector<std::string> notes;
  const nn::ModelConfig config = nn::read_hugging_face_config(source.path, notes);
  ordered_json facts = {{"config", config_facts(config, notes)}};
  if (const auto generation = io::read_optional_json(source.path, "generation_config.json");
      !generation.is_null()) {
    generate::parse_generation_config(generation,
                                      quote_path(source.path / "generation_config.json"));
    facts["generation_config"] = generation;
  }
  if (has_tokenizer(source)) facts["tokenizer"] = inspect_tokenizer(source, options);
  // A folder of a config and a tokenizer is common; one of a config and pickles is to be converted.
  if (source.has_ending(".safetensors") || source.has_ending(".safetensors.index.json") ||
      source.has_ending(".bin")) {
    const io::TensorSet tensors = io::TensorSet::from_folder(source.path);
    const auto problems = runtime::weight_problems(tensors, nn::decoder_spec(config));
    if (!problems.empty()) throw Error(problems.front());
    facts["weights"] = set_facts(tensors, options);
  }
  return facts;
}

ordered_json inspect_checkpoint(const FormatSource& source, const FormatOptions& options) {
  const FileSystem& files = real_file_system();
  const io::Checkpoint checkpoint =
      options.hashes ? io::open_checkpoint(files, source.path)
                     : io::Checkpoint{.folder = source.path,
                                      .manifest = io::read_manifest(files, source.path)};
  ordered_json facts = manifest_facts(checkpoint.manifest);
  facts["hashes_checked"] = options.hashes;
  if (checkpoint.has(train::kStateFile))
    facts["state"] = inspect_run_state(source.file(std::string(train::kStateFile)), options);
  if (checkpoint.has("model.safetensors") || checkpoint.has("model.safetensors.index.json"))
    facts["weights"] = set_facts(io::TensorSet::from_folder(source.path), options);
  if (checkpoint.has(train::kOptimizerFile))
    facts["optimizer"] =
        set_facts(io::TensorSet::from_file(checkpoint.file(train::kOptimizerFile)), options);
  return facts;
}

ordered_json inspect_checkpoint_manifest(const FormatSource& source, const FormatOptions&) {
  return manifest_facts(io::parse_manifest(read_text_file(source.path, io::kLargestManifest),
                                           quote_path(source.path)));
}

ordered_json inspect_tokenizer(const FormatSource& source, const FormatOptions& options) {
  const auto tokenizer = text::load_tokenizer(source.path.string());
  const text::TokenizerInfo info = text::tokenizer_info(*tokenizer);
  ordered_json facts = {{"kind", info.kind}, {"vocab_size", info.vocab_size}};
  if (info.merges > 0) facts["merges"] = info.merges;
  facts["added_tokens"] = info.added_tokens;
  facts["special"] = ordered_json::array();
  for (const auto& special : info.special)
    facts["special"].push_back(
        {{"name", special.role}, {"token", special.token}, {"id", special.id}});
  for (const auto& [stage, what] : info.pipeline) facts["pipeline"][stage] = what;
  if (options.hashes) facts["hash"] = data::tokenizer_hash(*tokenizer);
  return facts;
}

ordered_json inspect_model_config(const FormatSource& source, const FormatOptions&) {
  std::vector<std::string> notes;
  const nn::ModelConfig config = nn::read_hugging_face_config(source.path, notes);
  return config_facts(config, notes);
}

// A config of `weft pretrain`, of `weft prepare`, or of a model's sizes: by keys that only one has.
ordered_json inspect_yaml(const FormatSource& source, const FormatOptions&) {
  const std::string text = config::read_config_text(source.path);
  const Tree tree = config::parse_yaml(text, printable(source.path.native()));
  const auto has = [&](const char* key) { return tree.is_map() && tree.find(key) != nullptr; };
  if (has("model_type")) {
    const auto loaded = config::load<nn::ModelConfig>(source.path);
    return {{"kind", "sizes of a model"}, {"values", values_of(loaded.value, loaded.notes)}};
  }
  if (has("inputs") || has("input")) {
    const auto loaded = config::load<data::PrepareConfig>(source.path);
    return {{"kind", "weft prepare"}, {"values", values_of(loaded.value, loaded.notes)}};
  }
  const auto loaded = train::load_pretrain_config(source.path);
  return {{"kind", "weft pretrain"}, {"values", values_of(loaded.config, loaded.notes)}};
}

ordered_json inspect_dataset_manifest(const FormatSource& source, const FormatOptions&) {
  const data::DatasetManifest manifest = data::read_manifest_file(source.path);
  ordered_json facts = {{"tokenizer", manifest.tokenizer},
                        {"tokenizer_hash", manifest.tokenizer_hash},
                        {"vocab_size", manifest.vocab_size},
                        {"input_files", manifest.input_files},
                        {"input_bytes", manifest.input_bytes}};
  for (const data::Split split : {data::Split::kTrain, data::Split::kValidation})
    facts[std::string(name_of(split))] = {{"documents", manifest.split(split).documents},
                                          {"tokens", manifest.split(split).tokens},
                                          {"shards", manifest.split(split).shards.size()}};
  return facts;
}

ordered_json inspect_json_object(const FormatSource& source, const FormatOptions&) {
  const nlohmann::json values = read_json_file(source.path);
  if (!values.is_object()) throw Error(quote_path(source.path) + ": a JSON object is needed");
  if (source.name == "generation_config.json")
    generate::parse_generation_config(values, quote_path(source.path));
  return {{"values", values}};
}

}  // namespace weft::cli
