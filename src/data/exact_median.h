// The median of any number of values, exact and in bounded memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/file_system.h"

namespace weft::data {

// The first `in_memory` values are kept in memory; of more, all go to a file. Then the median is
// found bit by bit: the ordered bits of a double are cut into four digits of 16, and each of four
// passes over the file counts the digit of the values that share those before it (a radix
// selection), in 512 KiB. One thread.
class ExactMedian {
 public:
  // `file` is made when it is needed, and removed by whoever removes its folder.
  ExactMedian(FileSystem& files, Path file, size_t in_memory = size_t{1} << 20);

  // Not NaN.
  void add(double value);
  int64_t count() const { return count_; }
  // The middle value, or the mean of the two in the middle. Of at least one value; once.
  double median();

 private:
  void spill();
  // The value of rank `rank`, from 0.
  double select(int64_t rank) const;
  template <class Visit>
  void for_each(Visit visit) const;

  FileSystem& files_;
  Path file_;
  size_t in_memory_;
  std::vector<double> values_;
  int64_t count_ = 0;
  bool spilled_ = false;
};

}  // namespace weft::data
