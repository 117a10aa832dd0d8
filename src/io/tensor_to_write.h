// Tensors on their way to a file: their bytes are produced when they are written, piece by piece,
// so that a model need not be held in memory a second time. No file format here.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "io/tensor_view.h"

namespace weft::io {

struct TensorToWrite {
  std::string name;
  StoredType type = StoredType::kF32;
  std::vector<int64_t> shape;
  // Writes all bytes, in any number of pieces. What it refers to must outlive the writing.
  std::function<void(WritableFile&)> content;

  // Error if the shape is impossible.
  int64_t bytes() const;
};

// A tensor of a file as it stands there.
TensorToWrite copy_of(const TensorView& view);

// A tensor of floats (F32, F16, BF16, F64) as `type` (F32, F16, BF16); a copy where that is its
// type. When written: Error naming the tensor if a finite value is too large for `type`.
TensorToWrite converted(const TensorView& view, StoredType type);

// Floats in memory as `type`, under the same condition.
TensorToWrite floats_to_write(std::string name, std::vector<int64_t> shape,
                              std::span<const float> values, StoredType type);

}  // namespace weft::io
