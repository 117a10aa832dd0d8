// Normalizers of tokenizer files (normalizer.h). What each does is what Hugging Face's library
// does, a character at a time.
#include "text/normalizer.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/quote.h"
#include "text/byte_alphabet.h"
#include "text/fold_tables.h"
#include "text/normalization.h"
#include "text/precompiled_map.h"
#include "text/replacement.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxSteps = 32;
constexpr size_t kMaxPrefix = 64;

// Calls body(character) for each character of the input, which must read it.
template <class Body>
void for_each_character(TextEdit& edit, const Body& body) {
  const std::string_view text = edit.input();
  while (edit.position() < text.size()) body(utf8_at(text, edit.position()));
}

class FormStep final : public NormalizerStep {
 public:
  explicit FormStep(NormalForm form) : form_(form) {}
  void apply(TextEdit& edit) const override { text::normalize(form_, edit); }

 private:
  NormalForm form_;
};

class LowercaseStep final : public NormalizerStep {
 public:
  void apply(TextEdit& edit) const override {
    for_each_character(edit, [&](Utf8Char c) {
      const LowerCase lower = lower_case(c.code);
      if (lower.first == c.code) return edit.copy(c.size);
      edit.put(lower.first, 0);
      if (lower.second != 0) edit.put(lower.second, 1);
    });
  }
};

// Removes the characters of some classes.
class RemoveStep final : public NormalizerStep {
 public:
  explicit RemoveStep(uint16_t mask) : mask_(mask) {}
  void apply(TextEdit& edit) const override {
    for_each_character(edit, [&](Utf8Char c) {
      if ((fold_table()[c.code] & mask_) != 0) return edit.drop(c.size);
      edit.copy(c.size);
    });
  }

 private:
  uint16_t mask_;
};

// BERT's clean-up: control characters go, all white space becomes a space.
class CleanStep final : public NormalizerStep {
 public:
  void apply(TextEdit& edit) const override {
    for_each_character(edit, [&](Utf8Char c) {
      const uint16_t kind = fold_table()[c.code];
      if ((kind & kCleanDropped) != 0 || c.code == kInvalidByte) return edit.drop(c.size);
      if ((kind & kCleanSpace) != 0) return edit.put(' ', 0);
      edit.copy(c.size);
    });
  }
};

class ChineseStep final : public NormalizerStep {
 public:
  void apply(TextEdit& edit) const override {
    for_each_character(edit, [&](Utf8Char c) {
      if ((fold_table()[c.code] & kChinese) == 0) return edit.copy(c.size);
      edit.put(' ', 0);
      edit.put(c.code, 1);
      edit.put(' ', 1);
    });
  }
};

// Bytes as the letters of byte-level vocabularies.
class ByteLevelStep final : public NormalizerStep {
 public:
  void apply(TextEdit& edit) const override {
    for_each_character(edit, [&](Utf8Char c) {
      const std::string_view bytes = edit.input().substr(edit.position(), c.size);
      for (size_t i = 0; i < bytes.size(); ++i) {
        const std::string_view letter = letter_of_byte(static_cast<uint8_t>(bytes[i]));
        edit.put(utf8_at(letter, 0).code, i == 0 ? 0 : 1);
      }
    });
  }
};

class NmtStep final : public NormalizerStep {
 public:
  void apply(TextEdit& edit) const override {
    for_each_character(edit, [&](Utf8Char c) {
      if (is_dropped(c.code)) return edit.drop(c.size);
      if (is_space(c.code)) return edit.put(' ', 0);
      edit.copy(c.size);
    });
  }

 private:
  static bool is_dropped(uint32_t c) {
    return (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F ||
           c == 0x8F || c == 0x9F;
  }
  static bool is_space(uint32_t c) {
    return c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
           (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
           c == 0xFEFF || c == 0xFFFD;
  }
};

class StripStep final : public NormalizerStep {
 public:
  StripStep(bool left, bool right) : left_(left), right_(right) {}
  void apply(TextEdit& edit) const override {
    const std::string_view text = edit.input();
    size_t begin = 0, end = text.size();
    while (left_ && begin < end && is_space(utf8_at(text, begin)))
      begin += utf8_at(text, begin).size;
    while (right_ && end > begin && is_space(utf8_last(text.substr(0, end))))
      end -= utf8_last(text.substr(0, end)).size;
    edit.drop(begin);
    edit.copy(end - begin);
  }

 private:
  static bool is_space(Utf8Char c) { return (fold_table()[c.code] & kWhiteSpace) != 0; }
  bool left_, right_;
};

class PrependStep final : public NormalizerStep {
 public:
  explicit PrependStep(JsonFields& fields) : prefix_(fields.text("prepend")) {
    if (prefix_.size() > kMaxPrefix) fields.fail("prepend", "is longer than 64 bytes");
  }
  void apply(TextEdit& edit) const override {
    edit.prepend(prefix_);
    edit.copy_rest();
  }

 private:
  std::string prefix_;
};

class ReplaceStep final : public NormalizerStep {
 public:
  explicit ReplaceStep(JsonFields& fields) : replacement_(fields) {}
  void apply(TextEdit& edit) const override { replacement_.apply(edit); }

 private:
  Replacement replacement_;
};

// SentencePiece's compiled map, as base64.
class PrecompiledStep final : public NormalizerStep {
 public:
  explicit PrecompiledStep(JsonFields& fields)
      : map_(decode_base64(fields.text("precompiled_charsmap"),
                           fields.path_of("precompiled_charsmap")),
             fields.path_of("precompiled_charsmap")) {}
  void apply(TextEdit& edit) const override { map_.apply_to_clusters(edit); }

 private:
  PrecompiledMap map_;
};

}  // namespace

Normalizer::Normalizer(const Json& component, const std::string& path) : path_(path) {
  if (component.is_null()) return;
  read(component, path);
  if (component_type(component, path) != "BertNormalizer") bert_.reset();
}

template <class Step, class... Arguments>
void Normalizer::add(Arguments&&... arguments) {
  steps_.push_back(std::make_unique<Step>(std::forward<Arguments>(arguments)...));
}

// Components without members of their own.
bool Normalizer::read_simple(const std::string& type) {
  if (type == "NFC") return add<FormStep>(NormalForm::kNfc), true;
  if (type == "NFD") return add<FormStep>(NormalForm::kNfd), true;
  if (type == "NFKC") return add<FormStep>(NormalForm::kNfkc), true;
  if (type == "NFKD") return add<FormStep>(NormalForm::kNfkd), true;
  if (type == "Lowercase") return add<LowercaseStep>(), true;
  if (type == "StripAccents") return add<RemoveStep>(kAccent), true;
  if (type == "ByteLevel") return add<ByteLevelStep>(), true;
  if (type == "Nmt") return add<NmtStep>(), true;
  return false;
}

void Normalizer::read_bert(JsonFields& fields) {
  BertOptions options;
  options.clean = fields.flag_or("clean_text", true);
  options.chinese = fields.flag_or("handle_chinese_chars", true);
  options.lowercase = fields.flag_or("lowercase", true);
  options.strip_accents = fields.flag_or("strip_accents", options.lowercase);
  bert_ = options;
  if (options.clean) add<CleanStep>();
  if (options.chinese) add<ChineseStep>();
  if (options.strip_accents) {
    add<FormStep>(NormalForm::kNfd);
    add<RemoveStep>(kBertAccent);
  }
  if (options.lowercase) add<LowercaseStep>();
}

bool Normalizer::read_configured(const std::string& type, JsonFields& fields) {
  if (type == "Prepend") return add<PrependStep>(fields), true;
  if (type == "Precompiled") return add<PrecompiledStep>(fields), true;
  if (type == "Replace") return add<ReplaceStep>(fields), true;
  if (type == "BertNormalizer") return read_bert(fields), true;
  if (type == "Strip") {
    const bool left = fields.flag("strip_left");
    return add<StripStep>(left, fields.flag("strip_right")), true;
  }
  return false;
}

// Sequences may lie within sequences; the document's depth is bounded.
void Normalizer::read(const Json& component, const std::string& path) {
  JsonFields fields(component, path);
  const std::string& type = fields.text("type");
  if (type != "Sequence" && !type.starts_with("NF")) only_forms_ = false;
  if (type == "Sequence") {
    const Json& list = fields.array("normalizers", kMaxSteps);
    for (size_t i = 0; i < list.size(); ++i) {
      read(list[i], fields.path_of("normalizers") + "[" + std::to_string(i) + "]");
    }
  } else if (!read_simple(type) && !read_configured(type, fields)) {
    fields.fail("type",
                "the normalizer " + quote(type) +
                    " is not known; known: BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, "
                    "NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents");
  }
  fields.done();
  if (steps_.size() > kMaxSteps) {
    throw Error(path + ": more than " + std::to_string(kMaxSteps) + " steps");
  }
}

void Normalizer::normalize(AlignedText& text) const {
  const size_t given = text.text.size();
  for (const auto& step : steps_) {
    AlignedText out;
    out.text.reserve(text.text.size() + text.text.size() / 8);
    TextEdit edit(text.text, text.origin, out);
    step->apply(edit);
    text = std::move(out);
    check_growth(given, text.text.size(), path_);
  }
}

std::string Normalizer::normalize(std::string_view text) const {
  AlignedText aligned{std::string(text), {}};
  normalize(aligned);
  return std::move(aligned.text);
}

}  // namespace weft::text
