// Reference values for tests of text: where they are, how their files are read.
#pragma once

#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace weft::text::golden {

// Absent (empty) where the environment does not name the folder: tests then skip.
inline std::string folder(const char* variable, const char* inside) {
  const char* top = std::getenv(variable);
  if (top == nullptr || *top == '\0') return {};
  const std::string path = std::string(top) + inside;
  return std::ifstream(path + "/README.md") ? path : std::string();
}
inline std::string text_folder() {
  return folder("WEFT_GOLDEN", "/text");
}
inline std::string data_folder() {
  return folder("WEFT_DATA", "");
}

inline std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// Lines end with LF alone; the last LF begins no line.
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

inline std::vector<int32_t> ids_of(const std::string& line) {
  std::istringstream in(line);
  return {std::istream_iterator<int32_t>(in), {}};
}

inline std::string sha256(std::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

// Of ids as little-endian uint32.
inline std::string sha256(std::span<const int32_t> ids) {
  return sha256({reinterpret_cast<const char*>(ids.data()), ids.size_bytes()});
}

}  // namespace weft::text::golden
