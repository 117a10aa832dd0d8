#include "io/tensor_set.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "core/contained_file.h"
#include "core/quote.h"
#include "core/strict_json.h"
#include "io/foreign_format.h"

namespace weft::io {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kIndexSuffix = ".safetensors.index.json";

void check_shard_name(const std::string& name, const std::string& source) {
  check_relative_name(name, source);
  if (name.find('/') != std::string::npos || !name.ends_with(kSuffix))
    throw Error(source + ": the shard " + quote(name) +
                " must be the plain name of a .safetensors file in the same folder");
}

// A shard holds the tensors that the index places in it, and no other.
void check_shard(const SafetensorsFile& file, const std::vector<std::string>& tensors,
                 const Path& index) {
  const std::string source = quote_path(index);
  for (const std::string& tensor : tensors)
    if (file.find(tensor) == nullptr)
      throw Error(source + " places the tensor " + quote(tensor) + " in " +
                  quote_path(file.path()) + ", which has none of that name");
  for (const TensorView& tensor : file.tensors())
    if (!std::binary_search(tensors.begin(), tensors.end(), tensor.name))
      throw Error(quote_path(file.path()) + " holds the tensor " + quote(tensor.name) + ", which " +
                  source + " does not place there");
}

bool is_file(const Path& path) {
  return real_file_system().status(path).kind == FileKind::kFile;
}

[[noreturn]] void refuse_folder(const Path& folder, const std::string& stem) {
  std::string message = quote_path(folder) + " has neither " + stem + std::string(kSuffix) +
                        " nor " + stem + std::string(kIndexSuffix);
  for (const std::string& name : real_file_system().list(folder))
    if (is_pickle_name(name))
      throw Error(message + "; " + quote(name) + " is a pickle" + pickle_advice(folder.native()));
  throw Error(message + "; give the folder of a model");
}

using Shard = std::vector<TensorToWrite>;

// Fills one shard after the other, in the order given.
std::vector<Shard> split(const std::vector<TensorToWrite>& tensors, int64_t max_bytes) {
  std::vector<Shard> shards(1);
  int64_t used = 0;
  for (const TensorToWrite& tensor : tensors) {
    const int64_t bytes = tensor.bytes();
    if (!shards.back().empty() && used + bytes > max_bytes) {
      shards.emplace_back();
      used = 0;
    }
    shards.back().push_back(tensor);
    used += bytes;
  }
  return shards;
}

std::string shard_name(const std::string& stem, size_t number, size_t count) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "-%05zu-of-%05zu", number, count);
  return stem + text.data() + std::string(kSuffix);
}

FileToWrite file_of(std::string name, Shard tensors, const Metadata& metadata) {
  const int64_t bytes = safetensors_size(tensors, metadata);
  return {.name = std::move(name),
          .bytes = bytes,
          .content = [tensors = std::move(tensors), metadata](WritableFile& out) {
            write_safetensors(out, tensors, metadata);
          }};
}

}  // namespace

WeightMap parse_weight_map(std::string_view text, const std::string& source) {
  const Json json = parse_json(text, source);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    throw Error(source + ": an index needs an object \"weight_map\" of tensor names and files");
  if (json.contains("metadata") && !json["metadata"].is_object() && !json["metadata"].is_null())
    throw Error(source + ": the index's \"metadata\" is no object");
  WeightMap shards;
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    if (!shard.is_string())
      throw Error(source + ": weight_map of " + quote(tensor) + " is no file name");
    shards[shard.get<std::string>()].push_back(tensor);
  }
  if (shards.empty()) throw Error(source + ": the weight_map is empty");
  for (const auto& [shard, tensors] : shards) check_shard_name(shard, source);
  return shards;
}

TensorSet::TensorSet(Path path, std::vector<SafetensorsFile> files)
    : path_(std::move(path)), files_(std::move(files)) {
  for (const SafetensorsFile& file : files_)
    tensors_.insert(tensors_.end(), file.tensors().begin(), file.tensors().end());
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorView& a, const TensorView& b) { return a.name < b.name; });
}

TensorSet TensorSet::from_file(const Path& file) {
  std::vector<SafetensorsFile> files;
  files.emplace_back(file);
  return {file, std::move(files)};
}

TensorSet TensorSet::from_index(const Path& index) {
  std::vector<SafetensorsFile> files;
  for (auto& [shard, tensors] :
       parse_weight_map(read_text_file(index, JsonLimits().bytes), quote_path(index))) {
    const Path file = parent_folder(index) / shard;
    if (!is_file(file))
      throw Error(quote_path(index) + " names the shard " + quote_path(file) +
                  ", but there is no such file; the folder is not whole: copy the shard into it");
    refuse_link_outside(parent_folder(index), file);
    files.emplace_back(file);
    check_shard(files.back(), tensors, index);
  }
  return {index, std::move(files)};
}

TensorSet TensorSet::from_folder(const Path& folder, const std::string& stem) {
  const Path file = folder / (stem + std::string(kSuffix));
  const Path index = folder / (stem + std::string(kIndexSuffix));
  if (is_file(file) && is_file(index))
    throw Error(quote_path(folder) + " has both " + file.filename().string() + " and " +
                index.filename().string() + "; remove the one that is out of date");
  refuse_link_outside(folder, file);
  refuse_link_outside(folder, index);
  if (is_file(file)) return from_file(file);
  if (is_file(index)) return from_index(index);
  refuse_folder(folder, stem);
}

const TensorView* TensorSet::find(std::string_view name) const {
  const auto at = std::lower_bound(
      tensors_.begin(), tensors_.end(), name,
      [](const TensorView& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

const TensorView& TensorSet::at(std::string_view name) const {
  const TensorView* tensor = find(name);
  if (tensor == nullptr)
    throw Error(quote_path(path_) + " has no tensor " + quote(name) + " among its " +
                std::to_string(tensors_.size()));
  return *tensor;
}

std::vector<FileToWrite> files_of_tensors(const std::vector<TensorToWrite>& tensors,
                                          const ShardOptions& options) {
  std::vector<Shard> shards = split(tensors, options.max_shard_bytes);
  if (shards.size() == 1)
    return {file_of(options.stem + std::string(kSuffix), std::move(shards[0]), options.metadata)};
  std::vector<FileToWrite> files;
  Json weight_map = Json::object();
  int64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(options.stem, i + 1, shards.size());
    for (const TensorToWrite& tensor : shards[i]) {
      if (!weight_map.emplace(tensor.name, name).second)
        throw Error("there are two tensors of the name " + quote(tensor.name));
      total += tensor.bytes();
    }
    files.push_back(file_of(name, std::move(shards[i]), options.metadata));
  }
  const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
  files.push_back(text_to_write(options.stem + std::string(kIndexSuffix), index.dump(2) + "\n"));
  return files;
}

}  // namespace weft::io
