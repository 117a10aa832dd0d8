// The member "normalizer" of a tokenizer.json: what is done to text before it is cut into words.
// Not here: how NFC is computed (normalization.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/json_fields.h"

namespace weft::text {

// Immutable, so any number of threads may use one.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual std::string normalize(std::string_view text) const = 0;
};

// NFC, Prepend, Replace and Sequence; null gives no normalizer. Throws Error naming `path` and what
// is unknown or malformed.
std::unique_ptr<const Normalizer> make_normalizer(const Json& component, const std::string& path);

}  // namespace weft::text
