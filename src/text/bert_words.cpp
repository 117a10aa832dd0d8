// BERT's words (bert_words.h).
#include "text/bert_words.h"

#include "text/fold_tables.h"
#include "text/normalization.h"
#include "text/utf8.h"

namespace weft::text {

BertWords::BertWords(const BertOptions& options) : options_(options) {
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    letter_[byte] =
        options.lowercase && byte < 0x80 ? static_cast<char>(lower_case(byte).first) : c;
    const uint16_t classes = fold_table()[byte];
    Kind& kind = kind_[byte];
    if (byte >= 0x80) {
      kind = Kind::kNotAscii;
    } else if (options.clean && (classes & kCleanDropped) != 0) {
      kind = Kind::kDropped;
    } else if ((classes & kWhiteSpace) != 0) {
      kind = Kind::kSpace;
    } else if ((classes & kBertPunctuation) != 0) {
      kind = Kind::kPunctuation;
    }
  }
}

// One text on its way; scratch.word is the word so far.
class BertWords::Pass {
 public:
  Pass(const BertWords& rules, const WordPieceModel& model, ModelScratch& scratch,
       std::vector<int32_t>& ids)
      : rules_(rules), model_(model), scratch_(scratch), ids_(ids), word_(scratch.word) {
    word_.clear();
  }

  bool run(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const auto byte = static_cast<uint8_t>(text[at]);
      switch (rules_.kind_[byte]) {
        case Kind::kLetter: word_ += rules_.letter_[byte]; break;
        case Kind::kSpace: end_word(); break;
        case Kind::kPunctuation: alone(text.substr(at, 1)); break;
        case Kind::kDropped: break;
        case Kind::kNotAscii: {
          const Utf8Char c = utf8_at(text, at);
          if (!add_wide(c.code, text.substr(at, c.size))) return false;
          at += c.size;
          continue;
        }
      }
      ++at;
    }
    end_word();
    return true;
  }

 private:
  void end_word() {
    if (word_.empty()) return;
    model_.append_ids(word_, scratch_, ids_);
    word_.clear();
  }
  void alone(std::string_view character) {
    end_word();
    model_.append_ids(character, scratch_, ids_);
  }

  // A character that is not ASCII, before normalization.
  bool add_wide(uint32_t code, std::string_view bytes) {
    const BertOptions& options = rules_.options_;
    const uint16_t classes = fold_table()[code];
    if (options.clean && (code == kInvalidByte || (classes & kCleanDropped) != 0)) return true;
    if ((classes & kWhiteSpace) != 0) return end_word(), true;
    const bool chinese = options.chinese && (classes & kChinese) != 0;
    if (chinese) end_word();
    if (options.strip_accents && (classes & kBertAccent) != 0) return true;
    const bool folds = (classes & kFolds) != 0 && (options.strip_accents || options.lowercase);
    if (folds && !add_folded(code)) return false;
    if (!folds) add_settled(classes, bytes);
    if (chinese) end_word();
    return true;
  }

  bool add_folded(uint32_t code) {
    if (!rules_.options_.strip_accents) return add_lowered(code), true;
    parts_.clear();
    append_decomposed(code, parts_);
    for (const uint32_t part : parts_) {
      if ((fold_table()[part] & kBertAccent) != 0) continue;
      if (combining_class(part) != 0) return false;
      add_lowered(part);
    }
    return true;
  }

  void add_lowered(uint32_t code) {
    if (!rules_.options_.lowercase) return add_code(code);
    const LowerCase lower = lower_case(code);
    add_code(lower.first);
    if (lower.second != 0) add_code(lower.second);
  }

  void add_code(uint32_t code) {
    character_.clear();
    append_utf8(character_, code);
    add_settled(fold_table()[code], character_);
  }

  // A character of normalized text.
  void add_settled(uint16_t classes, std::string_view bytes) {
    if ((classes & kWhiteSpace) != 0) return end_word();
    if ((classes & kBertPunctuation) != 0) return alone(bytes);
    word_ += bytes;
  }

  const BertWords& rules_;
  const WordPieceModel& model_;
  ModelScratch& scratch_;
  std::vector<int32_t>& ids_;
  std::string& word_;
  std::string character_;
  std::vector<uint32_t> parts_;
};

bool BertWords::append_ids(std::string_view text, const WordPieceModel& model,
                           ModelScratch& scratch, std::vector<int32_t>& ids) const {
  const size_t before = ids.size();
  if (Pass(*this, model, scratch, ids).run(text)) return true;
  ids.resize(before);
  return false;
}

}  // namespace weft::text
