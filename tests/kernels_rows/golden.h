// Reading reference values for the tests of kernels. Tests skip where the folder is not there.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "io/safetensors.h"

namespace weft::kernels::testing {

// WEFT_GOLDEN/models/`name`/golden.safetensors, or empty if the environment does not name it.
inline std::string golden_file(const std::string& name) {
  const char* top = std::getenv("WEFT_GOLDEN");
  if (top == nullptr || *top == '\0') return {};
  const std::string path = std::string(top) + "/models/" + name + "/golden.safetensors";
  return std::ifstream(path) ? path : std::string();
}

template <class T>
std::vector<T> golden_values(const io::SafetensorsFile& file, const std::string& name) {
  const io::TensorView& view = file.at(name);
  std::vector<T> values(view.bytes.size() / sizeof(T));
  std::copy(view.bytes.begin(), view.bytes.end(), reinterpret_cast<std::byte*>(values.data()));
  return values;
}

}  // namespace weft::kernels::testing
