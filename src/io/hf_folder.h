// A model's folder as Hugging Face lays it out: config.json, generation_config.json,
// model.safetensors (or shards with an index), the tokenizer's files. It moves JSON, tensors and
// files; what the names in them mean is nn's and text's business.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "io/tensor_set.h"

namespace weft::io {

// config.json of a folder: one object. Error, saying what to do, if the folder or the file is
// missing, or if it is not strict JSON (core/strict_json.h).
nlohmann::json read_model_config(const Path& folder);

// Another JSON object of the folder, for instance generation_config.json; null if there is none.
nlohmann::json read_optional_json(const Path& folder, const std::string& name);

// The folder's files that belong to a tokenizer, of those names that Hugging Face's libraries read.
std::vector<Path> tokenizer_files(const Path& folder);

// What is written. JSON is given as text, because that is what outlives a library's types.
struct ModelFolder {
  std::string config;                  // an object
  std::string generation_config = {};  // an object, or "" for none
  std::vector<TensorToWrite> tensors;
  std::vector<FileToWrite> more_files = {};  // the tokenizer's, under their own names
  ShardOptions shards = {};
};

enum class Overwrite {
  kOurs,  // an existing folder is replaced only if Weft wrote all that is in it
  kAny,   // whatever is there is replaced
};

// Writes `contents` as the folder `folder`, which appears whole or not at all, and which replaces
// an existing one in the same way. config.json gets a key "exported_by", by which the next export
// knows the folder. Returns the names of the files. Error if the folder holds something else (see
// Overwrite), if there is no room (ExitCode::kDoesNotFit) or no permission; then nothing has
// changed.
std::vector<std::string> write_model_folder(FileSystem& files, const Path& folder,
                                            const ModelFolder& contents, Overwrite overwrite);

}  // namespace weft::io
