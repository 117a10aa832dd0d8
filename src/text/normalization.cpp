// Normalization by segments: text whose characters are all settled is copied, the rest is
// decomposed, ordered and, for NFC and NFKC, composed again (UAX #15, sections 1.3 and 9).
#include "text/normalization.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "text/fold_tables.h"
#include "text/unicode.h"
#include "text/unicode_tables.h"
#include "text/utf8.h"
#include "weft/error.h"

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
  int change;  // as TextEdit::put() takes it
};

// The parts of one character, the first of which stands for it.
class Decomposer {
 public:
  Decomposer(bool compatible, std::vector<Mark>& out) : compatible_(compatible), out_(out) {}

  void add(uint32_t code) {
    first_ = true;
    decompose(code);
  }

 private:
  void push(uint32_t code, uint16_t combining_class) {
    out_.push_back({code, combining_class, first_ ? 0 : 1});
    first_ = false;
  }
  void decompose(uint32_t code);
  void decompose_syllable(uint32_t index);

  bool compatible_;
  bool first_ = true;
  std::vector<Mark>& out_;
};

void Decomposer::decompose_syllable(uint32_t index) {
  push(kLeads + index / (kVowelCount * kTailCount), 0);
  push(kVowels + index % (kVowelCount * kTailCount) / kTailCount, 0);
  if (index % kTailCount != 0) push(kTails + index % kTailCount, 0);
}

void Decomposer::decompose(uint32_t code) {
  if (code - kSyllables < kSyllableCount) return decompose_syllable(code - kSyllables);
  if (compatible_ && (fold_table()[code] & kCompatible) != 0) {
    for (const uint32_t part : compatible_parts(code)) push(part, tables().combining_class(part));
    return;
  }
  const auto it = tables().parts.find(code);
  if (it == tables().parts.end()) return push(code, tables().combining_class(code));
  decompose(it->second.first);
  if (it->second.second != 0) decompose(it->second.second);
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
        marks[starter].change += mark.change - 1;
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

// Normalizes the next characters of `edit`, up to `end`.
void put_segment(NormalForm form, TextEdit& edit, size_t end, std::vector<Mark>& marks) {
  marks.clear();
  Decomposer decomposer(form == NormalForm::kNfkc || form == NormalForm::kNfkd, marks);
  const std::string_view text = edit.input();
  for (size_t at = edit.position(); at < end;) {
    const Utf8Char c = utf8_at(text, at);
    decomposer.add(c.code);
    at += c.size;
  }
  order(marks);
  if (form == NormalForm::kNfc || form == NormalForm::kNfkc) compose(marks);
  for (const Mark& mark : marks) edit.put(mark.code, mark.change);
  WEFT_ASSERT(edit.position() == end);
}

// Whether the form leaves a character alone and never joins it to the one before.
class Settled {
 public:
  explicit Settled(NormalForm form)
      : composes_(form == NormalForm::kNfc || form == NormalForm::kNfkc) {
    if (form == NormalForm::kNfkc) fold_mask_ = kCompatible;
    if (form == NormalForm::kNfd) fold_mask_ = kFolds;
    if (form == NormalForm::kNfkd) fold_mask_ = kFolds | kCompatible;
  }
  bool operator()(uint32_t code) const {
    if (code < 0x80) return true;
    if (composes_ && (classes_[code] & kUnsettled) != 0) return false;
    return fold_mask_ == 0 || (folds_[code] & fold_mask_) == 0;
  }

 private:
  bool composes_;
  uint16_t fold_mask_ = 0;
  const ClassTable& classes_ = class_table();
  const ClassTable& folds_ = fold_table();
};

}  // namespace

void normalize(NormalForm form, TextEdit& edit) {
  const Settled settled(form);
  const std::string_view text = edit.input();
  std::vector<Mark> marks;
  size_t last = 0;  // where the last settled character begins
  for (size_t at = 0; at < text.size();) {
    Utf8Char c = utf8_at(text, at);
    if (settled(c.code)) {
      last = c.code == kInvalidByte ? at + 1 : at;
      at += c.size;
      continue;
    }
    const size_t begin = std::max(last, edit.position());
    while (at < text.size() && !settled((c = utf8_at(text, at)).code)) at += c.size;
    edit.copy(begin - edit.position());
    put_segment(form, edit, at, marks);
    last = at;
  }
  edit.copy_rest();
}

void append_nfc(std::string& out, std::string_view text) {
  AlignedText made;
  TextEdit edit(text, {}, made);
  normalize(NormalForm::kNfc, edit);
  out += made.text;
}

void append_decomposed(uint32_t code, std::vector<uint32_t>& out) {
  std::vector<Mark> marks;
  Decomposer(false, marks).add(code);
  for (const Mark& mark : marks) out.push_back(mark.code);
}

uint16_t combining_class(uint32_t code) {
  return tables().combining_class(code);
}

}  // namespace weft::text
