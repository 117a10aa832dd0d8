// What every tokenizer shares. Not here: any particular tokenizer.
#include "text/tokenizer.h"

#include "core/quote.h"
#include "weft/error.h"

namespace weft::text {

std::vector<int32_t> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3 + 8);
  append_ids(text, options, ids);
  return ids;
}

size_t Tokenizer::next_cut(std::string_view text, size_t) const {
  return text.size();
}

std::vector<Encoding> Tokenizer::encode_rows(std::string_view, std::optional<std::string_view>,
                                             const RowOptions&) const {
  throw Error("the tokenizer " + quote(std::string(name())) +
              " makes no rows with offsets; use one that has a tokenizer.json");
}

}  // namespace weft::text
