// The safetensors format (github.com/huggingface/safetensors): 8 bytes of header length, a JSON
// header, the tensors' bytes. One file; several shards with an index are io/tensor_set.h.
//
// The reader is strict, for weights come from strangers: a header of at most 100 MB that lies
// within the file; a UTF-8 JSON object; known types only; no name or key twice; tensors that cover
// the data from its first byte to its last without hole or overlap; sizes checked for overflow.
// Tensor names are never used as paths.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "core/mapped_file.h"
#include "io/tensor_to_write.h"

namespace weft::io {

using Metadata = std::map<std::string, std::string>;

struct SafetensorsEntry {
  std::string name;
  StoredType type = StoredType::kF32;
  std::vector<int64_t> shape;
  int64_t begin = 0, end = 0;  // bytes, from the start of the data

  bool operator==(const SafetensorsEntry&) const = default;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of their data
  Metadata metadata;
  int64_t data_begin = 0;  // bytes from the start of the file
};

// Checks a whole file's bytes. `source` (its name) begins every message.
SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& source);

class SafetensorsFile {
 public:
  // Error for what is no safetensors file; a pickle, a GGUF file, a Git LFS pointer is called so.
  explicit SafetensorsFile(const Path& file);

  const Path& path() const { return file_.path(); }
  const Metadata& metadata() const { return header_.metadata; }
  // In the order of their data. They live as long as this object, which may be moved.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  // Null if there is none of that name.
  const TensorView* find(std::string_view name) const;
  // Error if there is none of that name.
  const TensorView& at(std::string_view name) const;

 private:
  MappedFile file_;
  SafetensorsHeader header_;
  std::vector<TensorView> tensors_;
  std::vector<size_t> by_name_;  // positions in tensors_, sorted by name
};

// Bytes of the file that write_safetensors writes.
int64_t safetensors_size(const std::vector<TensorToWrite>& tensors, const Metadata& metadata);

// Writes the file to `out`, which the caller syncs and closes. Types with larger elements come
// first, as in files of the reference implementation: so every tensor is aligned. Error for two
// tensors of one name.
void write_safetensors(WritableFile& out, const std::vector<TensorToWrite>& tensors,
                       const Metadata& metadata = {{"format", "pt"}});

}  // namespace weft::io
