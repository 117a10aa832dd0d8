// What Python's str does, on UTF-8: white space, splitting, letter case, counting characters. Case
// is that of the alphabets with simple pairs (Latin, Greek, Cyrillic, Armenian, full width); other
// characters stay. Not here: how templates call them (template_methods.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::text {

size_t count_chars(std::string_view text);

// The bytes where each character begins, and the end of the text.
std::vector<size_t> char_offsets(std::string_view text);

bool is_python_space(uint32_t code);
bool is_upper(uint32_t code);
bool is_lower(uint32_t code);

struct Sides {
  bool left = true, right = true;
};
// Without the characters of `chars` at its ends; without `chars`, white space.
std::string_view strip(std::string_view text, std::optional<std::string_view> chars, Sides sides);

// At most `most` cuts, as many as there are if negative; from the end if `from_right`. Without a
// separator: at runs of white space. A given separator is not empty.
struct SplitBy {
  std::optional<std::string_view> separator = {};
  int64_t most = -1;
  bool from_right = false;
};
std::vector<std::string_view> split(std::string_view text, const SplitBy& by);
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string swap_case(std::string_view text);
// The first letter large, the rest small.
std::string capitalized(std::string_view text);
// The same for every run of letters.
std::string titled(std::string_view text);

// Where `part` is in `text` from byte `from` on; npos. Its time is linear whatever the texts are.
size_t find_text(std::string_view text, std::string_view part, size_t from = 0);

}  // namespace weft::text
