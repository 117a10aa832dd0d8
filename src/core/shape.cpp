#include "weft/shape.h"

namespace weft {

Shape::Shape(std::span<const int64_t> sizes) {
  if (sizes.size() > static_cast<size_t>(kMaxRank))
    throw Error("a shape has at most " + std::to_string(kMaxRank) + " axes, got " +
                std::to_string(sizes.size()));
  int64_t product = 1;
  for (const int64_t size : sizes) {
    if (size < 0) throw Error("a shape's sizes are not negative, got " + std::to_string(size));
    if (__builtin_mul_overflow(product, size == 0 ? 1 : size, &product))
      throw Error("the number of elements of a shape does not fit 63 bits");
    sizes_[static_cast<size_t>(rank_++)] = size;
  }
}

int64_t Shape::elements_until(int rank) const {
  int64_t product = 1;
  for (int i = 0; i < rank; ++i) product *= sizes_[static_cast<size_t>(i)];
  return product;
}

int64_t Shape::elements() const {
  return elements_until(rank_);
}

Shape Shape::with_back(int64_t size) const {
  WEFT_ASSERT(rank_ > 0);
  Shape result = *this;
  result.sizes_[static_cast<size_t>(rank_ - 1)] = size;
  return result;
}

bool Shape::operator==(const Shape& other) const {
  if (rank_ != other.rank_) return false;
  for (int i = 0; i < rank_; ++i)
    if ((*this)[i] != other[i]) return false;
  return true;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int i = 0; i < rank_; ++i) text += (i > 0 ? ", " : "") + std::to_string((*this)[i]);
  return text + "]";
}

std::string TensorType::to_string() const {
  return std::string(name_of(dtype)) + shape.to_string();
}

}  // namespace weft
