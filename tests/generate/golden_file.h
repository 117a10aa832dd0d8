// Reads a golden safetensors file: enough for files that we trust. Not a parser for user input.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace weft::generate {

// The folder of golden models, if there is one.
inline std::optional<std::string> golden_models() {
  const char* root = std::getenv("WEFT_GOLDEN");
  if (root == nullptr || !std::ifstream(std::string(root) + "/models/README.md")) return {};
  return std::string(root) + "/models";
}

inline std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot open " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class GoldenFile {
 public:
  explicit GoldenFile(const std::string& path) : bytes_(read_whole(path)) {
    std::memcpy(&header_size_, bytes_.data(), sizeof(header_size_));
    header_ = nlohmann::json::parse(bytes_.substr(sizeof(header_size_), header_size_));
  }

  std::vector<int64_t> shape(const std::string& name) const { return header_.at(name).at("shape"); }

  // The tensor's elements, row-major; T is the type in the file.
  template <class T>
  std::vector<T> read(const std::string& name) const {
    const nlohmann::json& entry = header_.at(name);
    if (entry.at("dtype") != (std::is_same_v<T, float> ? "F32" : "I64")) {
      throw std::runtime_error(name + " has another type");
    }
    const size_t begin = entry.at("data_offsets").at(0), end = entry.at("data_offsets").at(1);
    std::vector<T> values((end - begin) / sizeof(T));
    std::memcpy(values.data(), bytes_.data() + sizeof(header_size_) + header_size_ + begin,
                end - begin);
    return values;
  }

  // Row `row` of a matrix of token ids.
  std::vector<int32_t> tokens(const std::string& name, int64_t row) const {
    const std::vector<int64_t> all = read<int64_t>(name);
    const int64_t width = shape(name).at(1);
    return {all.begin() + row * width, all.begin() + (row + 1) * width};
  }

 private:
  std::string bytes_;
  uint64_t header_size_ = 0;
  nlohmann::json header_;
};

}  // namespace weft::generate
