// The member "normalizer" of a tokenizer.json: what is done to text before it is cut into words.
// Not here: how NFC is computed (normalization.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_fields.h"

namespace weft::text {

// One step. Immutable.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  virtual std::string apply(std::string_view text) const = 0;
};

class Normalizer {
 public:
  // NFC, Prepend, Replace and Sequence of them; null changes nothing. Throws Error naming `path`
  // and what is unknown or malformed.
  Normalizer(const Json& component, const std::string& path);

  bool empty() const { return steps_.empty(); }
  // Throws Error where a file's replacements make text grow beyond all sense.
  std::string normalize(std::string_view text) const;

 private:
  void read(const Json& component, const std::string& path);

  std::string path_;
  std::vector<std::unique_ptr<const NormalizerStep>> steps_;
};

}  // namespace weft::text
