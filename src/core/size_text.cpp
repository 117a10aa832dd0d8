#include "core/size_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace weft {

std::string size_text(int64_t bytes) {
  constexpr std::array<std::string_view, 7> kUnits = {" B",   " KiB", " MiB", " GiB",
                                                      " TiB", " PiB", " EiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  // 1023.5 of a unit would be told as 1024.
  for (; std::abs(value) >= 1023.5; ++unit) value /= 1024;
  const double size = std::abs(value);
  const int decimals = unit == 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  std::array<char, 32> text{};
  char* const limit = text.data() + text.size();
  char* const end =
      std::to_chars(text.data(), limit, value, std::chars_format::fixed, decimals).ptr;
  return std::string(text.data(), end).append(kUnits[unit]);
}

}  // namespace weft
