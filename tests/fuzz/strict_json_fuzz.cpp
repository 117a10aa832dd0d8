// Any bytes as JSON: refused with an Error that is short and printable, or read; then the library
// reads the same from them, and from what is written again.
#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "core/strict_json.h"

namespace {

using namespace weft;

void check_message(std::string_view message) {
  WEFT_ASSERT(message.starts_with("fuzz:") && message.size() < 1000);
  WEFT_ASSERT(printable(message) == message);  // nothing that a terminal would obey
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  nlohmann::json json;
  try {
    json = parse_json(text, "fuzz");
  } catch (const Error& error) {
    check_message(error.what());
    return 0;
  }
  WEFT_ASSERT(json == nlohmann::json::parse(text));
  WEFT_ASSERT(parse_json(json.dump(), "again") == json);
  return 0;
}
