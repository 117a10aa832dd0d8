// What every tokenizer shares. Not here: any particular tokenizer.
#include "text/tokenizer.h"

namespace weft::text {

std::vector<int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3 + 8);
  append_ids(text, options, ids);
  return ids;
}

}  // namespace weft::text
