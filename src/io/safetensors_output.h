// One safetensors file that appears whole or not at all.
#pragma once

#include <vector>

#include "core/file_system.h"
#include "io/safetensors.h"

namespace weft::io {

// Writes beside `file` and renames; an existing file is replaced.
void write_safetensors_file(FileSystem& files, const Path& file,
                            const std::vector<TensorToWrite>& tensors);

}  // namespace weft::io
