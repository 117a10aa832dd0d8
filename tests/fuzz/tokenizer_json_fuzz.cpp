// Any bytes as a tokenizer.json: refused with an Error, or a tokenizer that encodes and decodes.
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

// A text without tokens, or on which an expression takes too long, is an Error as well.
void use(const weft::text::Tokenizer& tokenizer) {
  constexpr std::array<const char*, 6> kTexts = {
      "",
      "Hello  world's 123\n",
      "\u4E2D\u6587 caf\u00E9 e\u0301 \u2581x",
      "\xFF\xE4\xBD <s>a",
      "<unk></s>\t\r\n",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  for (const char* text : kTexts) {
    try {
      const std::vector<int32_t> ids = tokenizer.encode(text);
      for (const int32_t id : ids) {
        if (id < 0 || id >= tokenizer.vocab_size()) std::abort();
      }
      const auto rows = tokenizer.encode_rows(text, std::nullopt, {});
      if (rows.size() != 1 || rows[0].ids != ids) std::abort();
      for (const weft::text::TextSpan& span : rows[0].offsets) {
        if (span.begin > span.end || span.end > std::strlen(text)) std::abort();
      }
      weft::text::RowOptions options = tokenizer.row_options();
      if (options.padding) options.padding->length = 64;
      tokenizer.encode_rows(text, kTexts[1], options);
      tokenizer.decode(ids);
      tokenizer.decode(ids, {.skip_special_tokens = false, .replace_invalid_utf8 = false});
    } catch (const weft::Error&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  try {
    const std::string content(reinterpret_cast<const char*>(bytes), size);
    const auto tokenizer = weft::text::parse_tokenizer_json(content, "fuzz");
    if (tokenizer->files()[0].content != content) std::abort();
    use(*tokenizer);
  } catch (const weft::Error&) {
  }
  return 0;
}
