// Folders in a variable of the environment, as PATH has them. Header only: the device libraries and
// the program, which link to nothing of each other, both read such variables.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace weft::device {

// Those between the colons of `list` that are not empty.
inline std::vector<std::string> folders_in(const std::string& list) {
  std::vector<std::string> folders;
  for (size_t start = 0; start <= list.size();) {
    const size_t end = std::min(list.find(':', start), list.size());
    if (end > start) folders.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return folders;
}

}  // namespace weft::device
