// Windows and padding (encoding.h).
#include "text/encoding.h"

#include <algorithm>
#include <string>

#include "weft/error.h"

namespace weft::text {
namespace {

constexpr int64_t kMaxLength = int64_t{1} << 24;

template <class T>
void append_part(std::vector<T>& to, const std::vector<T>& from, size_t begin, size_t end) {
  to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(begin),
            from.begin() + static_cast<std::ptrdiff_t>(end));
}

template <class T>
void fill(std::vector<T>& list, size_t count, const T& value, Side side) {
  list.insert(side == Side::kLeft ? list.begin() : list.end(), count, value);
}

void pad_row(Encoding& row, size_t length, const Padding& padding) {
  if (row.size() >= length) return;
  const size_t count = length - row.size();
  fill(row.ids, count, padding.id, padding.side);
  fill(row.type_ids, count, padding.type_id, padding.side);
  fill(row.offsets, count, TextSpan(), padding.side);
  fill(row.words, count, Encoding::kNone, padding.side);
  fill(row.sequences, count, Encoding::kNone, padding.side);
  fill(row.special, count, uint8_t{1}, padding.side);
  fill(row.attention, count, uint8_t{0}, padding.side);
}

[[noreturn]] void fail_too_short(const char* which, int64_t size, int64_t to_remove) {
  throw Error(std::string("truncation \"only_") + which + "\": the " + which + " text has " +
              std::to_string(size) + " tokens, and " + std::to_string(to_remove) +
              " must go; allow a greater max_length or truncate the longest first");
}

// The shorter text keeps up to half of the room, the longer one the rest.
Room longest_first(int64_t first, int64_t second, int64_t room) {
  int64_t shorter = std::min(first, second), longer = std::max(first, second);
  longer = shorter > room ? shorter : std::max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = room / 2;
    longer = shorter + room % 2;
  }
  return first > second ? Room{longer, shorter} : Room{shorter, longer};
}

}  // namespace

void Encoding::append_token(int32_t id, TextSpan offset, int32_t word) {
  ids.push_back(id);
  type_ids.push_back(0);
  offsets.push_back(offset);
  words.push_back(word);
  sequences.push_back(0);
  special.push_back(0);
  attention.push_back(1);
}

void Encoding::append(const Encoding& other, size_t begin, size_t end) {
  append_part(ids, other.ids, begin, end);
  append_part(type_ids, other.type_ids, begin, end);
  append_part(offsets, other.offsets, begin, end);
  append_part(words, other.words, begin, end);
  append_part(sequences, other.sequences, begin, end);
  append_part(special, other.special, begin, end);
  append_part(attention, other.attention, begin, end);
}

Windows cut_windows(const Encoding& text, int64_t room, const Truncation& truncation) {
  const auto size = static_cast<int64_t>(text.size());
  if (room >= size) return {text};
  if (room == 0) return {Encoding(), text};
  if (truncation.stride < 0 || truncation.stride >= room) {
    throw Error("truncation: the stride " + std::to_string(truncation.stride) +
                " must be below the " + std::to_string(room) +
                " tokens that a window has room for beside special tokens and the other text");
  }
  Windows windows;
  const int64_t step = room - truncation.stride;
  for (int64_t moved = 0, end = 0; end < size; moved += step) {
    end = std::min(moved + room, size);
    const auto [first, last] = truncation.side == Side::kRight
                                   ? std::pair(moved, end)
                                   : std::pair(size - end, size - moved);
    windows.emplace_back().append(text, static_cast<size_t>(first), static_cast<size_t>(last));
  }
  return windows;
}

Room room_for(int64_t first, std::optional<int64_t> second, int64_t room,
              Truncation::Strategy strategy) {
  using Strategy = Truncation::Strategy;
  const int64_t to_remove = first + second.value_or(0) - room;
  if (room == 0) return {0, 0};
  if (to_remove <= 0) return {first, second.value_or(0)};
  if (strategy == Strategy::kLongestFirst) {
    return second ? longest_first(first, *second, room) : Room{room, 0};
  }
  if (strategy == Strategy::kOnlyFirst) {
    if (first <= to_remove) fail_too_short("first", first, to_remove);
    return {first - to_remove, second.value_or(0)};
  }
  if (!second) throw Error("truncation \"only_second\": there is no second text to cut");
  if (*second <= to_remove) fail_too_short("second", *second, to_remove);
  return {first, *second - to_remove};
}

void pad(std::vector<Encoding>& rows, const Padding& padding) {
  size_t length = 0;
  for (const Encoding& row : rows) length = std::max(length, row.size());
  if (padding.length) {
    if (*padding.length < 0 || *padding.length > kMaxLength) {
      throw Error("padding: the length " + std::to_string(*padding.length) +
                  " is not within 0 to " + std::to_string(kMaxLength));
    }
    length = static_cast<size_t>(*padding.length);
  }
  if (padding.multiple > kMaxLength) {
    throw Error("padding: a multiple of " + std::to_string(padding.multiple) + " is above " +
                std::to_string(kMaxLength));
  }
  const auto multiple = static_cast<size_t>(std::max<int64_t>(padding.multiple, 1));
  length = (length + multiple - 1) / multiple * multiple;
  for (Encoding& row : rows) pad_row(row, length, padding);
}

}  // namespace weft::text
