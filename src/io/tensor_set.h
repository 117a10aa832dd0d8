// The tensors of a model, in one safetensors file or in several shards with an index
// (model.safetensors.index.json), read and written. It knows names, no model.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/folder_writer.h"
#include "io/safetensors.h"

namespace weft::io {

// Which shard holds which tensors, both sorted, by the text of an index. Shards are plain names of
// .safetensors files. Throws Error, beginning with `source`, for anything else.
using WeightMap = std::map<std::string, std::vector<std::string>>;
WeightMap parse_weight_map(std::string_view text, const std::string& source);

class TensorSet {
 public:
  // One .safetensors file.
  static TensorSet from_file(const Path& file);
  // The shards that an index names. Error unless index and shards agree on every tensor, and for a
  // shard that is not a plain name in the index's folder.
  static TensorSet from_index(const Path& index);
  // STEM.safetensors or STEM.safetensors.index.json of a folder. Error, saying what there is
  // instead, if it has neither (Weft never reads .bin or .pt, which are pickle) or both.
  static TensorSet from_folder(const Path& folder, const std::string& stem = "model");

  // Sorted by name. They live as long as this object, which may be moved.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  const TensorView& at(std::string_view name) const;
  // Of the first file.
  const Metadata& metadata() const { return files_.front().metadata(); }
  const Path& path() const { return path_; }  // the file or the index
  const std::vector<SafetensorsFile>& files() const { return files_; }

 private:
  TensorSet(Path path, std::vector<SafetensorsFile> files);

  Path path_;
  std::vector<SafetensorsFile> files_;
  std::vector<TensorView> tensors_;
};

struct ShardOptions {
  // Of one file's data, as transformers has it; a larger tensor gets a file of its own.
  int64_t max_shard_bytes = 50'000'000'000;
  std::string stem = "model";
  Metadata metadata = {{"format", "pt"}};
};

// The files that hold `tensors`: STEM.safetensors, or STEM-00001-of-0000N.safetensors in the order
// given and STEM.safetensors.index.json. They refer to the tensors' contents when written.
std::vector<FileToWrite> files_of_tensors(const std::vector<TensorToWrite>& tensors,
                                          const ShardOptions& options = {});

}  // namespace weft::io
