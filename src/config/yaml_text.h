// What can be refused of a YAML text before it is parsed: encoding, control characters, tabs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace weft::config {

// The parser may hold the tokens of a whole file at once, some 250 bytes for a bracket, so this is
// what bounds its memory (64 MiB) and time.
inline constexpr int64_t kMaxYamlBytes = int64_t{256} << 10;

struct CodePoint {
  uint32_t value = 0;
  size_t length = 0;  // in bytes; 0: not UTF-8
};

// The code point at the start of `text`, which is not empty (RFC 3629: no overlong forms, no
// surrogates).
CodePoint decode_utf8(std::string_view text);

// May stand in a YAML text as it is (YAML 1.2, section 5.1, without the byte order mark).
bool is_printable(uint32_t code_point);

// The text without a byte order mark. Throws Error with file:line:column.
std::string_view check_yaml_text(std::string_view text,
                                 const std::shared_ptr<const std::string>& source);

}  // namespace weft::config
