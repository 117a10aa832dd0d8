// Any bytes as a SentencePiece tokenizer.model: refused with an Error, or a tokenizer that encodes
// and decodes.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "weft/error.h"

namespace {

void use(const weft::text::Tokenizer& tokenizer) {
  constexpr std::array<const char*, 5> kTexts = {
      "", " Hello  world's 123\n", "\u4E2D\u6587 caf\u00E9 e\u0301 \u2581x", "\xFF\xE4\xBD <s>a",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  for (const char* text : kTexts) {
    const std::vector<int32_t> ids = tokenizer.encode(text);
    for (const int32_t id : ids) {
      if (id < 0 || id >= tokenizer.vocab_size()) std::abort();
    }
    if (tokenizer.encode(text) != ids) std::abort();  // now from the cache
    const auto rows = tokenizer.encode_rows(text, std::nullopt, {});
    if (rows.size() != 1 || rows[0].ids != ids) std::abort();
    for (const weft::text::TextSpan& span : rows[0].offsets) {
      if (span.begin > span.end || span.end > std::strlen(text)) std::abort();
    }
    tokenizer.decode(ids);
    tokenizer.decode(ids, {.replace_invalid_utf8 = false, .continues = true});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  try {
    const std::string content(reinterpret_cast<const char*>(bytes), size);
    use(*weft::text::parse_tokenizer_model(content, "fuzz"));
  } catch (const weft::Error&) {
  }
  return 0;
}
