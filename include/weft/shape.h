// Shapes and tensor types: what is known of a tensor before the first step.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "weft/dtype.h"
#include "weft/error.h"

namespace weft {

// Up to kMaxRank sizes, row-major, outermost first. Rank 0 is a scalar with one element.
class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  // Throws Error if there are more than kMaxRank sizes, if one is negative, or if their product
  // does not fit int64.
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  // Size of axis `i`; negative axes count from the end.
  int64_t operator[](int axis) const {
    const int i = axis < 0 ? axis + rank_ : axis;
    WEFT_ASSERT(i >= 0 && i < rank_);
    return sizes_[static_cast<size_t>(i)];
  }
  int64_t back() const { return (*this)[-1]; }
  int64_t elements() const;
  // Product of all sizes but the last: the number of rows of width back().
  int64_t rows() const { return rank_ == 0 ? 1 : elements_until(rank_ - 1); }
  // This shape with its last size replaced.
  Shape with_back(int64_t size) const;

  const int64_t* begin() const { return sizes_.data(); }
  const int64_t* end() const { return sizes_.data() + rank_; }
  bool operator==(const Shape& other) const;
  std::string to_string() const;  // "[2, 3]"

 private:
  int64_t elements_until(int rank) const;

  std::array<int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;

  int64_t bytes() const { return shape.elements() * size_of(dtype); }
  bool operator==(const TensorType&) const = default;
  std::string to_string() const;  // "f32[2, 3]"
};

}  // namespace weft
