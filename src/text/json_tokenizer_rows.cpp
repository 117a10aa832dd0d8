// Tokens with their places, and rows of one or two texts (JsonTokenizer::encode_rows). The same
// components as for ids alone, each keeping up where its bytes came from. Offsets are those of
// Hugging Face's library, in bytes.
#include <algorithm>
#include <utility>

#include "core/quote.h"
#include "text/json_tokenizer.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "weft/error.h"

namespace weft::text {
namespace {

// What the bytes [begin, end) stand for.
TextSpan origin_of(std::span<const TextSpan> origin, size_t begin, size_t end) {
  return {origin[begin].begin, origin[end - 1].end};
}

void append_token(Encoding& encoding, int32_t id, TextSpan offsets, int32_t word) {
  encoding.ids.push_back(id);
  encoding.type_ids.push_back(0);
  encoding.offsets.push_back(offsets);
  encoding.words.push_back(word);
  encoding.sequences.push_back(0);
  encoding.special.push_back(0);
  encoding.attention.push_back(1);
}

void append_special(Encoding& encoding, const FramePiece& piece) {
  append_token(encoding, piece.id, {}, Encoding::kNone);
  encoding.type_ids.back() = piece.type_id;
  encoding.sequences.back() = Encoding::kNone;
  encoding.special.back() = 1;
}

// All combinations of windows, in Hugging Face's order: the kept one, then those of each cut-off
// window on the left with every one on the right, then the kept one with those cut off.
std::vector<Encoding> combine(const std::vector<Encoding>& left, const Windows& right) {
  std::vector<Encoding> rows;
  const auto add = [&](const Encoding& a, const Encoding& b) {
    rows.push_back(a);
    rows.back().append(b);
  };
  add(left[0], right[0]);
  for (size_t i = 1; i < left.size(); ++i) {
    for (const Encoding& window : right) add(left[i], window);
  }
  for (size_t j = 1; j < right.size(); ++j) add(left[0], right[j]);
  return rows;
}

// Combinations grow as the product of both sides' windows.
constexpr size_t kMaxRows = size_t{1} << 16;

void set(std::vector<int32_t>& list, int32_t value) {
  std::ranges::fill(list, value);
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
        append_token(encoding_, part.id, {offset, offset + part.text.size()}, words_++);
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
    std::vector<TextPart> parts;
    owner_.normalized_finder_.split(part.text, find_special, parts);
    for (const TextPart& piece : parts) {
      const auto begin = static_cast<size_t>(piece.text.data() - part.text.data());
      const auto origin = std::span(part.origin).subspan(begin, piece.text.size());
      if (piece.id >= 0) {
        append_token(encoding_, piece.id, origin_of(origin, 0, origin.size()), words_++);
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
        append_token(encoding_, token.id, origin_of(from, token.begin, token.end), words_);
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
  Lease lease(*this);
  Encoding encoding = RowMaker(*this, lease.get()).run(text, find_special);
  if (frame_.trims_offsets) trim_offsets(text, encoding);
  return encoding;
}

// Cuts one or two texts so that a row has room for them and `added` special tokens.
void JsonTokenizer::cut(std::vector<Windows>& texts, int64_t added,
                        const Truncation& truncation) const {
  const int64_t room = truncation.max_length - added;
  if (room < 0) {
    throw Error("truncation: max_length " + std::to_string(truncation.max_length) +
                " is below the " + std::to_string(added) + " special tokens of a row");
  }
  const auto size_of = [&](size_t i) { return static_cast<int64_t>(texts[i][0].size()); };
  const auto second = texts.size() > 1 ? std::optional(size_of(1)) : std::nullopt;
  const Room rooms = room_for(size_of(0), second, room, truncation.strategy);
  texts[0] = cut_windows(Encoding(texts[0][0]), rooms.first, truncation);
  if (second) texts[1] = cut_windows(Encoding(texts[1][0]), rooms.second, truncation);
  if (second && texts[0].size() * texts[1].size() > kMaxRows) {
    throw Error("truncation: both texts are cut, which gives more than " +
                std::to_string(kMaxRows) + " combinations of windows; cut one of them only");
  }
}

std::vector<Encoding> JsonTokenizer::encode_rows(std::string_view text,
                                                 std::optional<std::string_view> pair,
                                                 const RowOptions& options) const {
  const std::vector<FramePiece>& frame = pair ? frame_.pair : frame_.single;
  if (frame.empty()) throw Error(origin_ + ": post_processor has no template for pairs of texts");
  std::vector<Windows> texts = {{encode_text(text, options.find_special_tokens)}};
  if (pair) {
    texts.push_back({encode_text(*pair, options.find_special_tokens)});
    set(texts[1][0].type_ids, 1);
    set(texts[1][0].sequences, 1);
  }
  const auto is_special = [](const FramePiece& piece) { return piece.sequence < 0; };
  const bool framed = options.add_special_tokens;
  const int64_t added = framed ? std::ranges::count_if(frame, is_special) : 0;
  if (options.truncation) cut(texts, added, *options.truncation);
  std::vector<Encoding> rows(1);
  for (const FramePiece& piece : frame) {
    Windows part(1);
    if (is_special(piece)) {
      if (framed) append_special(part[0], piece);
    } else {
      part = texts[static_cast<size_t>(piece.sequence)];
      set(part[0].type_ids, piece.type_id);
    }
    rows = combine(rows, part);
  }
  if (options.padding) pad(rows, *options.padding);
  return rows;
}

}  // namespace weft::text
