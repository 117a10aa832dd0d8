// Tokens with their places, and rows of one or two texts (JsonTokenizer::encode_rows). The same
// components as for ids alone, each keeping up where its bytes came from. Offsets are those of
// Hugging Face's library, in bytes.
#include <algorithm>
#include <utility>

#include "core/quote.h"
#include "text/json_tokenizer.h"
#include "text/row_frame.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

// What the bytes [begin, end) stand for.
TextSpan origin_of(std::span<const TextSpan> origin, size_t begin, size_t end) {
  return {origin[begin].begin, origin[end - 1].end};
}

}  // namespace

// One text on its way to tokens.
class JsonTokenizer::RowMaker {
 public:
  RowMaker(const JsonTokenizer& owner, Scratch& scratch) : owner_(owner), scratch_(scratch) {}

  Encoding run(std::string_view text, bool find_special) {
    std::vector<TextPart> parts;
    owner_.raw_finder_.split(text, find_special, parts);
    for (const TextPart& part : parts) {
      const auto offset = static_cast<size_t>(part.text.data() - text.data());
      if (part.id >= 0) {
        encoding_.append_token(part.id, {offset, offset + part.text.size()}, words_++);
      } else {
        add_part({std::string(part.text), identity_origin(part.text, offset)}, offset == 0,
                 find_special);
      }
    }
    return std::move(encoding_);
  }

 private:
  // Text between raw added tokens.
  void add_part(AlignedText part, bool at_start, bool find_special) {
    owner_.normalizer_.normalize(part);
    WEFT_ASSERT(part.origin.size() == part.text.size());
    std::vector<TextPart> parts;
    owner_.normalized_finder_.split(part.text, find_special, parts);
    for (const TextPart& piece : parts) {
      const auto begin = static_cast<size_t>(piece.text.data() - part.text.data());
      const auto origin = std::span(part.origin).subspan(begin, piece.text.size());
      if (piece.id >= 0) {
        encoding_.append_token(piece.id, origin_of(origin, 0, origin.size()), words_++);
      } else {
        add_plain(piece.text, origin, at_start && begin == 0);
      }
    }
  }

  void add_plain(std::string_view text, std::span<const TextSpan> origin, bool at_start) {
    CutText& cut = scratch_.cut;
    cut.start(text, origin, at_start);
    owner_.pre_tokenizer_.cut(cut);
    for (size_t i = 0; i < cut.ranges.size(); ++i, ++words_) {
      tokens_.clear();
      owner_.model_->append_tokens(cut.word(i), scratch_.model, tokens_);
      const auto [begin, end] = cut.ranges[i];
      const auto from = std::span<const TextSpan>(cut.origin).subspan(begin, end - begin);
      for (const WordToken& token : tokens_)
        encoding_.append_token(token.id, origin_of(from, token.begin, token.end), words_);
    }
  }

  const JsonTokenizer& owner_;
  Scratch& scratch_;
  Encoding encoding_;
  std::vector<WordToken> tokens_;
  int32_t words_ = 0;
};

// White space at the ends of a token's text is no part of its offsets.
void JsonTokenizer::trim_offsets(std::string_view text, Encoding& encoding) const {
  const auto spaces_before = [](std::string_view token) {
    size_t n = 0;
    for (size_t at = 0; at < token.size(); ++n) {
      const Utf8Char c = utf8_at(token, at);
      if (c.code != 0x120 && (class_table()[c.code] & kSpace) == 0) break;  // U+0120 is a space
      at += c.size;
    }
    return n;
  };
  const auto spaces_behind = [](std::string_view token) {
    size_t n = 0;
    for (; !token.empty(); ++n) {
      const Utf8Char c = utf8_last(token);
      if (c.code != 0x120 && (class_table()[c.code] & kSpace) == 0) break;
      token.remove_suffix(c.size);
    }
    return n;
  };
  for (size_t i = 0; i < encoding.size(); ++i) {
    auto& [begin, end] = encoding.offsets[i];
    const std::string_view token = vocabulary_.text(encoding.ids[i]);
    const bool keeps_first = *frame_.trims_offsets && (i == 0 || begin == 0);
    for (size_t n = keeps_first ? 0 : spaces_before(token); n > 0 && begin < end; --n)
      begin += std::min<size_t>(utf8_at(text, begin).size, end - begin);
    for (size_t n = spaces_behind(token); n > 0 && begin < end; --n)
      end -= utf8_last(text.substr(begin, end - begin)).size;
  }
}

Encoding JsonTokenizer::encode_text(std::string_view text, bool find_special) const {
  Lease lease(scratch_);
  lease.get().model.dropout_key.reset();
  Encoding encoding = RowMaker(*this, lease.get()).run(text, find_special);
  if (frame_.trims_offsets) trim_offsets(text, encoding);
  return encoding;
}

std::vector<Encoding> JsonTokenizer::encode_rows(std::string_view text,
                                                 std::optional<std::string_view> pair,
                                                 const RowOptions& options) const {
  const std::vector<FramePiece>& frame = pair ? frame_.pair : frame_.single;
  if (frame.empty()) throw Error(origin_ + ": post_processor has no template for pairs of texts");
  std::vector<Encoding> texts = {encode_text(text, options.find_special_tokens)};
  if (pair) texts.push_back(encode_text(*pair, options.find_special_tokens));
  return make_rows(std::move(texts), frame, options);
}

}  // namespace weft::text
