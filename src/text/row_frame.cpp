// Rows of windows and special tokens (row_frame.h).
#include "text/row_frame.h"

#include <algorithm>
#include <string>
#include <utility>

#include "weft/error.h"

namespace weft::text {
namespace {

void append_special(Encoding& encoding, const FramePiece& piece) {
  encoding.append_token(piece.id, {}, Encoding::kNone);
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

// Cuts the texts so that a row has room for them and `added` special tokens.
std::vector<Windows> cut(const std::vector<Encoding>& texts, int64_t added,
                         const Truncation& truncation) {
  const int64_t room = truncation.max_length - added;
  if (room < 0) {
    throw Error("truncation: max_length " + std::to_string(truncation.max_length) +
                " is below the " + std::to_string(added) + " special tokens of a row");
  }
  const auto size_of = [&](size_t i) { return static_cast<int64_t>(texts[i].size()); };
  const auto second = texts.size() > 1 ? std::optional(size_of(1)) : std::nullopt;
  const Room rooms = room_for(size_of(0), second, room, truncation.strategy);
  std::vector<Windows> windows = {cut_windows(texts[0], rooms.first, truncation)};
  if (!second) return windows;
  windows.push_back(cut_windows(texts[1], rooms.second, truncation));
  if (windows[0].size() * windows[1].size() <= kMaxRows) return windows;
  throw Error("truncation: both texts are cut, which gives more than " + std::to_string(kMaxRows) +
              " combinations of windows; cut one of them only");
}

}  // namespace

std::vector<Encoding> make_rows(std::vector<Encoding> texts, std::span<const FramePiece> frame,
                                const RowOptions& options) {
  if (texts.size() > 1) {
    set(texts[1].type_ids, 1);
    set(texts[1].sequences, 1);
  }
  const auto is_special = [](const FramePiece& piece) { return piece.sequence < 0; };
  const bool framed = options.add_special_tokens;
  const int64_t added = framed ? std::ranges::count_if(frame, is_special) : 0;
  std::vector<Windows> windows;
  if (options.truncation) {
    windows = cut(texts, added, *options.truncation);
  } else {
    for (Encoding& text : texts) windows.push_back({std::move(text)});
  }
  std::vector<Encoding> rows(1);
  for (const FramePiece& piece : frame) {
    Windows part(1);
    if (is_special(piece)) {
      if (framed) append_special(part[0], piece);
    } else {
      part = windows[static_cast<size_t>(piece.sequence)];
      set(part[0].type_ids, piece.type_id);
    }
    rows = combine(rows, part);
  }
  if (options.padding) pad(rows, *options.padding);
  return rows;
}

}  // namespace weft::text
