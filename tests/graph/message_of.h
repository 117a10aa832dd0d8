// The message with which an action fails; empty if it does not.
#pragma once

#include <functional>
#include <string>

#include "weft/error.h"

namespace weft::test {

inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace weft::test
