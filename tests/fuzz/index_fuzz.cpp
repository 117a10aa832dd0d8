// Any bytes as a model.safetensors.index.json: refused with an Error, or the plain names of files
// in one folder, each with its tensors.
#include "core/quote.h"
#include "io/tensor_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace weft;
  try {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    for (const auto& [shard, tensors] : io::parse_weight_map(text, "fuzz")) {
      WEFT_ASSERT(shard.ends_with(".safetensors") && shard.find('/') == std::string::npos);
      WEFT_ASSERT(shard.find('\0') == std::string::npos && !tensors.empty());
    }
  } catch (const Error& error) {
    WEFT_ASSERT(printable_lines(error.what()) == error.what());
  }
  return 0;
}
