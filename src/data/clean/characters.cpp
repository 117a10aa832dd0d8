// The stages `unicode` and `characters`: one way to write each text, and nothing in it that is not
// seen.
#include "data/clean/byte_masks.h"
#include "data/clean/stage_registry.h"
#include "text/normalization.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace weft::data {
namespace {

// No character that NFC may change or join to another: most texts.
bool is_settled(std::string_view text) {
  const text::ClassTable& classes = text::class_table();
  for (size_t at = find_byte(text, 0, bytes::kNoAscii); at < text.size();) {
    const text::Utf8Char c = text::utf8_at(text, at);
    if ((classes[c.code] & text::kUnsettled) != 0) return false;
    at += c.size;
    if (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80)
      at = find_byte(text, at, bytes::kNoAscii);
  }
  return true;
}

text::NormalForm normal_form(UnicodeForm form) {
  switch (form) {
    case UnicodeForm::kNfc: return text::NormalForm::kNfc;
    case UnicodeForm::kNfd: return text::NormalForm::kNfd;
    case UnicodeForm::kNfkc: return text::NormalForm::kNfkc;
    case UnicodeForm::kNfkd: break;
  }
  return text::NormalForm::kNfkd;
}

class UnicodeStage final : public Stage {
 public:
  explicit UnicodeStage(UnicodeForm form) : form_(normal_form(form)) {}

  void apply(std::string_view text, std::string& changed, StageResult& result) const override {
    if (find_byte(text, 0, bytes::kNoAscii) == text.size()) return;
    if (form_ == text::NormalForm::kNfc) {
      if (is_settled(text)) return;
      text::append_nfc(changed, text);
    } else {
      text::AlignedText out;
      text::TextEdit edit(text, {}, out);
      text::normalize(form_, edit);
      changed = std::move(out.text);
    }
    result.changed = changed != text;
    if (result.changed) result.note("document normalized", 1);
  }

 private:
  text::NormalForm form_;
};

enum class Fate { kKeep, kControl, kInvisible, kLineEnd };

Fate fate_of(uint32_t code, bool joiners) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) {
    if (code == '\n' || code == '\t') return Fate::kKeep;
    return code == '\r' || code == 0x85 ? Fate::kLineEnd : Fate::kControl;
  }
  if (code < 0xAD) return Fate::kKeep;
  if (code == 0x2028 || code == 0x2029) return Fate::kLineEnd;
  // Persian and Indic words, and emoji, are spelled with joiners.
  if (code == 0x200C || code == 0x200D) return joiners ? Fate::kInvisible : Fate::kKeep;
  const bool invisible = code == 0xAD || code == 0x180E || code == 0x200B || code == 0x200E ||
                         code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
                         (code >= 0x2060 && code <= 0x2064) || (code >= 0x2066 && code <= 0x206F) ||
                         code == 0xFEFF || (code >= 0xFFF9 && code <= 0xFFFB) ||
                         (code >= 0xE0000 && code <= 0xE007F);
  return invisible ? Fate::kInvisible : Fate::kKeep;
}

// Bytes of characters that may have another fate than to stay.
constexpr auto kDoubtful = [](__m128i x) {
  const __m128i plain = _mm_or_si128(bytes::equal(x, '\n'), bytes::equal(x, '\t'));
  const __m128i low = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));
  return _mm_or_si128(_mm_andnot_si128(plain, low), bytes::equal(x, 0x7F));
};

class CharactersStage final : public Stage {
 public:
  explicit CharactersStage(bool joiners) : joiners_(joiners) {}

  void apply(std::string_view text, std::string& changed, StageResult& result) const override {
    int64_t controls = 0, invisible = 0, line_ends = 0;
    size_t kept = 0;  // text before it is in `changed`, or gone
    for (size_t at = 0; at < text.size();) {
      const uint8_t byte = static_cast<uint8_t>(text[at]);
      if (byte >= 0x20 && byte < 0x7F) {
        at = find_byte(text, at, kDoubtful);
        continue;
      }
      const text::Utf8Char c = text::utf8_at(text, at);
      const Fate fate = fate_of(c.code, joiners_);
      if (fate != Fate::kKeep) {
        changed.append(text.substr(kept, at - kept));
        kept = at + c.size;
      }
      controls += fate == Fate::kControl;
      invisible += fate == Fate::kInvisible;
      // CR LF is one line end: the LF stays.
      const bool before_feed = c.code == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
      if (fate == Fate::kLineEnd && !before_feed) changed += '\n';
      line_ends += fate == Fate::kLineEnd;
      at += c.size;
    }
    result.changed = kept > 0;
    if (kept > 0) changed.append(text.substr(kept));
    result.note("control character removed", controls);
    result.note("zero-width or invisible character removed", invisible);
    result.note("line end made LF", line_ends);
  }

 private:
  bool joiners_;
};

}  // namespace

std::unique_ptr<const Stage> make_unicode(const StageConfig& config) {
  return std::make_unique<UnicodeStage>(config.form.value_or(UnicodeForm::kNfc));
}

std::unique_ptr<const Stage> make_characters(const StageConfig& config) {
  return std::make_unique<CharactersStage>(config.joiners.value_or(false));
}

}  // namespace weft::data
