// NFC by segments: text whose characters are all settled is copied, the rest is decomposed, ordered
// and composed again (UAX #15, sections 1.3 and 9).
#include "text/normalization.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "text/unicode.h"
#include "text/unicode_tables.h"
#include "text/utf8.h"

namespace weft::text {
namespace {

// Hangul syllables are composed by arithmetic (The Unicode Standard, 3.12).
constexpr uint32_t kSyllables = 0xAC00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11A7;
constexpr uint32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28;
constexpr uint32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

struct Tables {
  Tables() {
    for (const Decomposition& d : decompositions()) {
      parts.emplace(d.whole, d);
      if (d.composes != 0) whole.emplace(uint64_t{d.first} << 32 | d.second, d.whole);
    }
  }

  uint16_t combining_class(uint32_t code) const {
    const auto runs = combining_runs();
    const auto after =
        std::upper_bound(runs.begin(), runs.end(), code,
                         [](uint32_t c, const CodeRun& run) { return c < run.first; });
    return (after - 1)->value;
  }

  // The character that the pair makes, or 0.
  uint32_t compose(uint32_t first, uint32_t second) const {
    if (first - kLeads < kLeadCount && second - kVowels < kVowelCount) {
      return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTailCount;
    }
    if (first - kSyllables < kSyllableCount && (first - kSyllables) % kTailCount == 0 &&
        second - kTails - 1 < kTailCount - 1) {
      return first + (second - kTails);
    }
    const auto it = whole.find(uint64_t{first} << 32 | second);
    return it == whole.end() ? 0 : it->second;
  }

  std::unordered_map<uint32_t, Decomposition> parts;
  std::unordered_map<uint64_t, uint32_t> whole;
};

const Tables& tables() {
  static const Tables kAll;
  return kAll;
}

struct Mark {
  uint32_t code;
  uint16_t combining_class;
};

void decompose(uint32_t code, std::vector<Mark>& out) {
  if (code - kSyllables < kSyllableCount) {
    const uint32_t index = code - kSyllables;
    out.push_back({kLeads + index / (kVowelCount * kTailCount), 0});
    out.push_back({kVowels + index % (kVowelCount * kTailCount) / kTailCount, 0});
    if (index % kTailCount != 0) out.push_back({kTails + index % kTailCount, 0});
    return;
  }
  const auto it = tables().parts.find(code);
  if (it == tables().parts.end()) {
    out.push_back({code, tables().combining_class(code)});
    return;
  }
  decompose(it->second.first, out);
  if (it->second.second != 0) decompose(it->second.second, out);
}

// Marks after a starter, in the order of their classes; equal classes keep theirs.
void order(std::vector<Mark>& marks) {
  for (auto run = marks.begin(); run != marks.end();) {
    const auto is_starter = [](const Mark& mark) { return mark.combining_class == 0; };
    run = std::find_if_not(run, marks.end(), is_starter);
    const auto end = std::find_if(run, marks.end(), is_starter);
    std::stable_sort(run, end, [](const Mark& a, const Mark& b) {
      return a.combining_class < b.combining_class;
    });
    run = end;
  }
}

// Joins what composes, in place: each mark with the last starter, unless a mark between them has
// the same or a higher class.
void compose(std::vector<Mark>& marks) {
  size_t kept = 0, starter = 0;
  bool has_starter = false;
  for (const Mark mark : marks) {
    const bool reaches_starter =
        has_starter &&
        (kept == starter + 1 || marks[kept - 1].combining_class < mark.combining_class);
    if (reaches_starter) {
      if (const uint32_t joined = tables().compose(marks[starter].code, mark.code)) {
        marks[starter].code = joined;
        continue;
      }
    }
    if (mark.combining_class == 0) {
      starter = kept;
      has_starter = true;
    }
    marks[kept++] = mark;
  }
  marks.resize(kept);
}

void append_segment(std::string& out, std::string_view segment, std::vector<Mark>& marks) {
  marks.clear();
  for (size_t at = 0; at < segment.size();) {
    const Utf8Char c = utf8_at(segment, at);
    decompose(c.code, marks);
    at += c.size;
  }
  order(marks);
  compose(marks);
  for (const Mark& mark : marks) append_utf8(out, mark.code);
}

}  // namespace

void append_nfc(std::string& out, std::string_view text) {
  const ClassTable& classes = class_table();
  std::vector<Mark> marks;
  size_t copied = 0, settled = 0;  // `settled` is where the last settled character begins
  for (size_t at = 0; at < text.size();) {
    Utf8Char c = utf8_at(text, at);
    if ((classes[c.code] & kUnsettled) == 0) {
      settled = c.code == kInvalidByte ? at + 1 : at;
      at += c.size;
      continue;
    }
    const size_t begin = std::max(settled, copied);
    while (at < text.size() && (classes[(c = utf8_at(text, at)).code] & kUnsettled) != 0)
      at += c.size;
    out.append(text.substr(copied, begin - copied));
    append_segment(out, text.substr(begin, at - begin), marks);
    copied = settled = at;
  }
  out.append(text.substr(copied));
}

}  // namespace weft::text
