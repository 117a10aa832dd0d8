// Any bytes as a vocab.txt of BERT, and cut in two at the first zero byte as vocab.json and
// merges.txt: refused with an Error, or a tokenizer.
#include <string_view>

#include "text/json_tokenizer.h"
#include "text/tokenizer.h"
#include "text/vocabulary_files.h"
#include "weft/error.h"

namespace {

using namespace weft;

template <class Make>
void use(Make&& make) {
  try {
    const auto tokenizer = text::JsonTokenizer::make(make());
    for (const int32_t id : tokenizer->encode("Hello  w\u00f6rld 12"))
      WEFT_ASSERT(id >= 0 && id < tokenizer->vocab_size());
  } catch (const Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(bytes), size);
  use([&] { return text::source_from_bert_vocab(content, true, "fuzz"); });
  const size_t cut = std::min(content.find('\0'), size);
  const std::string_view merges = cut < size ? content.substr(cut + 1) : "";
  use([&] { return text::source_from_vocab_and_merges(content.substr(0, cut), merges, "fuzz"); });
  return 0;
}
