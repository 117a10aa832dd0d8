// Texts and pairs of texts as rows for a model: ids with their places, cut to a length, filled up.
// Not here: how text becomes tokens (Tokenizer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "text/text_edit.h"

namespace weft::text {

// A row. All lists are equally long.
struct Encoding {
  static constexpr int32_t kNone = -1;

  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;
  std::vector<TextSpan> offsets;   // bytes of the token's own text; empty for special tokens
  std::vector<int32_t> words;      // number of the word within its text, or kNone
  std::vector<int32_t> sequences;  // 0: of the text, 1: of its pair, kNone: neither
  std::vector<uint8_t> special;    // 1: added around the text, or padding
  std::vector<uint8_t> attention;  // 0: padding

  size_t size() const { return ids.size(); }
  // A token of the first text.
  void append_token(int32_t id, TextSpan offset, int32_t word);
  // Appends tokens [begin, end) of another row.
  void append(const Encoding& other, size_t begin, size_t end);
  void append(const Encoding& other) { append(other, 0, other.size()); }
};

enum class Side { kLeft, kRight };

struct Truncation {
  enum class Strategy { kLongestFirst, kOnlyFirst, kOnlySecond };
  int64_t max_length = 512;  // of a whole row, special tokens included
  Strategy strategy = Strategy::kLongestFirst;
  int64_t stride = 0;        // tokens that a window shares with the one before
  Side side = Side::kRight;  // where text is cut off
};

struct Padding {
  std::optional<int64_t> length;  // absent: to the longest row
  Side side = Side::kRight;
  int64_t multiple = 1;  // of which the length is made
  int32_t id = 0;
  int32_t type_id = 0;
};

struct RowOptions {
  bool add_special_tokens = true;
  bool find_special_tokens = true;
  std::optional<Truncation> truncation;
  std::optional<Padding> padding;
};

// A text cut into windows; the first is the one that is kept.
using Windows = std::vector<Encoding>;

// Cuts to at most `room` tokens a window, as Hugging Face's library does it: each begins
// (room - stride) tokens after the one before, or ends so where text is cut off on the left. Throws
// Error unless stride < room, save where room is 0: then the first window is empty and the second
// the whole text.
Windows cut_windows(const Encoding& text, int64_t room, const Truncation& truncation);

// How many tokens of a text of `first` tokens and its pair of `second` tokens (absent: there is no
// pair) may stay so that both have at most `room`. Throws Error where the strategy cannot do it.
struct Room {
  int64_t first, second;
};
Room room_for(int64_t first, std::optional<int64_t> second, int64_t room,
              Truncation::Strategy strategy);

// Fills up all rows to one length. Longer ones stay as they are. Throws Error for lengths beyond
// all sense.
void pad(std::vector<Encoding>& rows, const Padding& padding);

}  // namespace weft::text
