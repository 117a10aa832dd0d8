// Any bytes as a pretraining config: nothing crashes, memory stays bounded, and what is accepted
// prints to a config that loads to the same. The text may name no other file.
#include <cstddef>
#include <cstdint>
#include <string>

#include "config/load.h"
#include "train/load_pretrain_config.h"
#include "weft/error.h"

namespace {

// Loads `text` without its model files; false if it is refused.
bool load(const std::string& text, weft::train::PretrainConfig& config) {
  const auto read_text = [&](const weft::Path& path) {
    if (path != "x.yaml") throw weft::Error("the fuzzer reads no other file");
    return text;
  };
  try {
    config = weft::config::load<weft::train::PretrainConfig>("x.yaml", {}, read_text).value;
    return true;
  } catch (const weft::Error&) {
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  weft::train::PretrainConfig config, again;
  if (!load(text, config)) return 0;
  const std::string printed = weft::config::print(config);
  WEFT_ASSERT(load(printed, again));
  WEFT_ASSERT(again == config);
  return 0;
}
