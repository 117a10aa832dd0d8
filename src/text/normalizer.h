// The member "normalizer" of a tokenizer.json: what is done to text before it is cut into words.
// Not here: Unicode's
// forms (normalization.h), SentencePiece's compiled map (precompiled_map.h).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_fields.h"
#include "text/text_edit.h"

namespace weft::text {

// What BertNormalizer does; strip_accents follows lowercase where the file does not say.
struct BertOptions {
  bool clean = true;
  bool chinese = true;
  bool strip_accents = true;
  bool lowercase = true;
};

// One step: rewrites the whole text. Immutable.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  virtual void apply(TextEdit& edit) const = 0;
};

class Normalizer {
 public:
  // BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace,
  // Strip, StripAccents and Sequence of them; null changes nothing. Throws Error naming `path` and
  // what is unknown or malformed.
  Normalizer(const Json& component, const std::string& path);

  bool empty() const { return steps_.empty(); }
  // Whether there is nothing but Unicode's forms.
  bool only_forms() const { return only_forms_; }
  // Set where BertNormalizer is all there is.
  const std::optional<BertOptions>& bert() const { return bert_; }
  // Origins are kept up where `text` has them. Throws Error where a file's replacements make text
  // grow beyond all sense.
  void normalize(AlignedText& text) const;
  std::string normalize(std::string_view text) const;

 private:
  void read(const Json& component, const std::string& path);
  bool read_simple(const std::string& type);
  bool read_configured(const std::string& type, JsonFields& fields);
  void read_bert(JsonFields& fields);
  template <class Step, class... Arguments>
  void add(Arguments&&... arguments);

  std::string path_;
  std::optional<BertOptions> bert_;
  bool only_forms_ = true;
  std::vector<std::unique_ptr<const NormalizerStep>> steps_;
};

}  // namespace weft::text
