// Any bytes as Hugging Face's config.json: refused with an Error, or sizes that can be written and
// read again.
#include "core/quote.h"
#include "core/tree/json_tree.h"
#include "nn/model_config_file.h"

namespace {

using namespace weft;

nn::ModelConfig read(std::string_view text) {
  std::vector<std::string> notes;
  return nn::read_hugging_face_config(parse_json_tree(text, "fuzz"), notes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  nn::ModelConfig config;
  try {
    config = read({reinterpret_cast<const char*>(bytes), size});
  } catch (const Error& error) {
    WEFT_ASSERT(printable_lines(error.what()) == error.what());
    return 0;
  }
  WEFT_ASSERT(read(nn::hugging_face_config(config)) == config);
  return 0;
}
