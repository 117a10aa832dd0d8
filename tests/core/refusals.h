// What tests of limits share: what a call is refused with, and texts of a given size.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "weft/error.h"

namespace weft {

// What `call` is refused with; "" if it is not.
template <class Call>
std::string said_by(Call&& call) {
  try {
    call();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// `part`, `count` times.
template <std::integral Count>
std::string times(std::string_view part, Count count) {
  std::string text;
  text.reserve(part.size() * static_cast<size_t>(count));
  for (Count i = 0; i < count; ++i) text += part;
  return text;
}

}  // namespace weft
