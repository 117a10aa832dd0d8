// What is done with bytes that are no text: malformed UTF-8 and NUL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::data {

enum class InvalidUtf8 {
  kError,    // stop with the place
  kReplace,  // U+FFFD takes the place of each malformed sequence and each NUL
  kSkip,     // leave the document out
};
// "error", "replace", "skip": the values of --invalid-utf8.
std::string_view name_of(InvalidUtf8 policy);

// What messages about such bytes end with.
inline constexpr std::string_view kInvalidUtf8Advice =
    "text must be UTF-8; --invalid-utf8 replace puts U+FFFD in its place, --invalid-utf8 skip "
    "leaves "
    "the document out";

// What was done, as it is counted.
inline constexpr std::string_view kReplacedReason = "malformed sequence replaced by U+FFFD";
inline constexpr std::string_view kNoTextReason = "document that is no UTF-8 text";

// Some programs put it in front of UTF-8; it belongs to the file, not to its text.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

inline constexpr size_t kAllValid = std::string_view::npos;

// Where the first NUL byte or malformed sequence begins; kAllValid if there is none.
size_t first_invalid_utf8(std::string_view text);

// Appends `text` to `out` with U+FFFD for each NUL byte and each maximal part of a malformed
// sequence (Unicode 15, section 3.9, "U+FFFD substitution of maximal subparts", as browsers do it).
// Returns how many there were.
int64_t append_with_replacements(std::string_view text, std::string& out);

// False where no \u escape of JSON text is of a half of a surrogate pair: nearly always.
bool may_have_surrogates(std::string_view json);

// The lone halves of surrogate pairs among the \u escapes of JSON text, made \uFFFD in place.
// Returns how many there were.
int64_t replace_lone_surrogates(std::string& json);

}  // namespace weft::data
