#include "io/hf_folder.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/contained_file.h"
#include "core/quote.h"
#include "core/strict_json.h"

namespace weft::io {
namespace {

using Json = nlohmann::json;

constexpr const char* kConfig = "config.json";
constexpr const char* kGenerationConfig = "generation_config.json";
constexpr const char* kProducerKey = "exported_by";
constexpr const char* kProducer = "weft";

constexpr std::array<std::string_view, 11> kTokenizerFiles = {
    "added_tokens.json",       "chat_template.jinja", "chat_template.json", "merges.txt",
    "special_tokens_map.json", "spiece.model",        "tokenizer.json",     "tokenizer.model",
    "tokenizer_config.json",   "vocab.json",          "vocab.txt"};

bool is_tokenizer_file(std::string_view name) {
  return std::find(kTokenizerFiles.begin(), kTokenizerFiles.end(), name) != kTokenizerFiles.end();
}

Json read_object(const Path& file) {
  Json json = read_json_file(file);
  if (!json.is_object()) throw Error(quote_path(file) + ": a JSON object is needed");
  return json;
}

Json object_from(const std::string& text, const char* name) {
  Json json = parse_json(text, name);
  if (!json.is_object()) throw Error(std::string(name) + ": a JSON object is needed");
  return json;
}

std::vector<FileToWrite> files_of(const ModelFolder& contents) {
  std::vector<FileToWrite> result;
  Json config = object_from(contents.config, kConfig);
  config[kProducerKey] = kProducer;
  result.push_back(text_to_write(kConfig, config.dump(2) + "\n"));
  if (!contents.generation_config.empty()) {
    const Json generation = object_from(contents.generation_config, kGenerationConfig);
    result.push_back(text_to_write(kGenerationConfig, generation.dump(2) + "\n"));
  }
  for (FileToWrite& file : files_of_tensors(contents.tensors, contents.shards))
    result.push_back(std::move(file));
  result.insert(result.end(), contents.more_files.begin(), contents.more_files.end());
  return result;
}

// Where the folder really lies. A link is followed, for it is the folder that is replaced.
Path resolve(const Path& folder) {
  std::error_code problem;
  const Path path = std::filesystem::weakly_canonical(std::filesystem::absolute(folder), problem);
  if (problem) throw FileError("find the folder", folder, problem.value());
  const Path plain = path.has_filename() ? path : path.parent_path();
  const bool is_here = plain == std::filesystem::current_path(problem);
  if (is_here || plain == plain.root_path())
    throw Error(quote_path(folder) +
                " cannot be replaced as a whole; give the name of a folder in it");
  return plain;
}

bool is_ours(const FileSystem& files, const Path& folder) {
  try {
    const Json config = parse_json(files.read(folder / kConfig, JsonLimits().bytes), kConfig);
    return config.is_object() && config.value(kProducerKey, Json()) == kProducer;
  } catch (const Error&) {
    return false;
  }
}

// A file of which a new export writes another, so that nothing is lost with it.
bool is_replaceable(std::string_view name) {
  return name == kConfig || name == kGenerationConfig || is_tokenizer_file(name) ||
         name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
}

void refuse_foreign(const FileSystem& files, const Path& folder) {
  const FileKind kind = files.status(folder).kind;
  if (kind == FileKind::kMissing) return;
  if (kind != FileKind::kFolder)
    throw Error(quote_path(folder) + " is a file; give a folder that is new or empty");
  const std::vector<std::string> names = files.list(folder);
  if (names.empty()) return;
  const std::string advice = "; choose another folder, empty this one, or give --overwrite";
  if (!is_ours(files, folder))
    throw Error(quote_path(folder) + " is not empty and was not written by Weft" + advice);
  for (const std::string& name : names)
    if (!is_replaceable(name))
      throw Error(quote_path(folder) + " holds " + quote(name) + ", which Weft did not write" +
                  advice);
}

std::vector<std::string> write_partial(FileSystem& files, const Path& folder,
                                       const std::vector<FileToWrite>& contents) {
  std::vector<std::string> names;
  for (WrittenFile& file : write_folder(files, partial_name(folder), contents))
    names.push_back(std::move(file.name));
  return names;
}

}  // namespace

Json read_model_config(const Path& folder) {
  const FileSystem& files = real_file_system();
  if (files.status(folder).kind != FileKind::kFolder)
    throw Error(quote_path(folder) +
                " is no folder; give the folder of a model in Hugging "
                "Face's layout (config.json, model.safetensors)");
  if (files.status(folder / kConfig).kind == FileKind::kMissing)
    throw Error(quote_path(folder) +
                " has no config.json; give the folder of a model in "
                "Hugging Face's layout");
  refuse_link_outside(folder, folder / kConfig);
  return read_object(folder / kConfig);
}

Json read_optional_json(const Path& folder, const std::string& name) {
  const Path file = folder / name;
  return is_contained_file(folder, file) ? read_object(file) : Json();
}

std::vector<Path> tokenizer_files(const Path& folder) {
  std::vector<Path> result;
  for (const std::string& name : real_file_system().list(folder))
    if (is_tokenizer_file(name)) {
      refuse_link_outside(folder, folder / name);
      result.push_back(folder / name);
    }
  return result;
}

std::vector<std::string> write_model_folder(FileSystem& files, const Path& folder,
                                            const ModelFolder& contents, Overwrite overwrite) {
  const Path target = resolve(folder);
  const std::vector<FileToWrite> to_write = files_of(contents);
  create_folders(files, parent_folder(target));
  // A new folder is complete before it gets its name, so whatever has the name is sound.
  recover_folder(files, target, [](const Path&) { return true; });
  if (overwrite == Overwrite::kOurs) refuse_foreign(files, target);
  check_free_space(files, parent_folder(target), to_write);
  std::vector<std::string> names;
  try {
    names = write_partial(files, target, to_write);
    publish_folder(files, target);
  } catch (const Error&) {
    try {
      remove_tree(files, partial_name(target));
    } catch (const Error&) {  // the first error says what went wrong
    }
    throw;
  }
  remove_tree(files, replaced_name(target));
  return names;
}

}  // namespace weft::io
