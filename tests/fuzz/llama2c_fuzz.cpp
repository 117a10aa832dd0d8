// Any bytes as a llama2.c checkpoint and as its tokenizer: refused with an Error, or read; then the
// tensors have all the bytes that their shapes need.
#include "io/llama2c.h"
#include "tests/io/io_test_files.h"

namespace {

using namespace weft;
using namespace weft::io;

void check_model(std::span<const std::byte> file) {
  try {
    for (const TensorToWrite& tensor : llama2c_tensors(parse_llama2c(file, "fuzz"), file)) {
      MemoryFile out;
      tensor.content(out);
      WEFT_ASSERT(static_cast<int64_t>(out.text.size()) == tensor.bytes());
    }
  } catch (const Error&) {
    return;
  }
}

void check_tokenizer(std::string_view text, int64_t vocab_size) {
  try {
    const Llama2cTokenizer tokenizer = parse_llama2c_tokenizer(text, vocab_size, "fuzz");
    WEFT_ASSERT(static_cast<int64_t>(tokenizer.pieces.size()) == vocab_size);
  } catch (const Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  check_model(std::as_bytes(std::span(bytes, size)));
  if (size == 0) return 0;
  // The vocabulary's size is the model's to know: here the first byte says it.
  check_tokenizer({reinterpret_cast<const char*>(bytes) + 1, size - 1}, bytes[0]);
  return 0;
}
