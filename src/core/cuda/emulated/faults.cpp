#include "core/cuda/emulated/faults.h"

#include <array>
#include <cstdlib>
#include <string>

#include "weft/error.h"

namespace weft::device::emulated {
namespace {

constexpr std::array<std::string_view, 10> kNames = {
    "no-driver", "old-driver", "no-device", "capability", "memory",
    "taken",     "launch",     "ecc",       "product",    "attention"};

}  // namespace

Faults::Faults(std::string_view text) : name_(text.substr(0, text.find(':'))) {
  if (name_.size() < text.size())
    number_ = std::atoll(std::string(text.substr(name_.size() + 1)).c_str());
  if (text.empty()) return;
  for (const std::string_view name : kNames)
    if (name == name_) return;
  throw Error("WEFT_EMULATED_FAULT: '" + std::string(text) + "' is not known");
}

Status Faults::count(std::string_view name, Status failure) {
  if (lost_ == kSuccess && name_ == name && ++counted_ == number_) lost_ = failure;
  return lost_;
}

Faults& faults() {
  static const char* const kText = std::getenv("WEFT_EMULATED_FAULT");
  static Faults the_faults(kText == nullptr ? "" : kText);
  return the_faults;
}

}  // namespace weft::device::emulated
