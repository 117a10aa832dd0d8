// Text of generated tokens as it comes (StreamDecoder in tokenizer.h).
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace weft::text {

std::string StreamDecoder::push(int32_t id) {
  if (skip_special_tokens_ && tokenizer_.is_special(id)) return {};
  waiting_ += tokenizer_.decode(
      std::span(&id, 1),
      {.skip_special_tokens = false, .replace_invalid_utf8 = false, .continues = continues_});
  continues_ = true;
  const size_t ready = waiting_.size() - unfinished_suffix(waiting_);
  std::string text;
  append_replacing_invalid(text, std::string_view(waiting_).substr(0, ready));
  waiting_.erase(0, ready);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  append_replacing_invalid(text, waiting_);
  waiting_.clear();
  continues_ = false;
  return text;
}

}  // namespace weft::text
