// Normalizers of tokenizer files (normalizer.h).
#include "text/normalizer.h"

#include <nlohmann/json.hpp>

#include "core/quote.h"
#include "text/normalization.h"
#include "text/replacement.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxSteps = 32;
constexpr size_t kMaxPrefix = 64;

class NfcStep final : public NormalizerStep {
 public:
  std::string apply(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    append_nfc(out, text);
    return out;
  }
};

class PrependStep final : public NormalizerStep {
 public:
  explicit PrependStep(JsonFields& fields) : prefix_(fields.text("prepend")) {
    if (prefix_.size() > kMaxPrefix) fields.fail("prepend", "is longer than 64 bytes");
  }
  std::string apply(std::string_view text) const override {
    return text.empty() ? std::string() : prefix_ + std::string(text);
  }

 private:
  std::string prefix_;
};

class ReplaceStep final : public NormalizerStep {
 public:
  explicit ReplaceStep(JsonFields& fields) : replacement_(fields) {}
  std::string apply(std::string_view text) const override { return replacement_.apply(text); }

 private:
  Replacement replacement_;
};

}  // namespace

Normalizer::Normalizer(const Json& component, const std::string& path) : path_(path) {
  if (!component.is_null()) read(component, path);
}

// Sequences may lie within sequences; the document's depth is bounded.
void Normalizer::read(const Json& component, const std::string& path) {
  JsonFields fields(component, path);
  const std::string& type = fields.text("type");
  if (type == "NFC") {
    steps_.push_back(std::make_unique<NfcStep>());
  } else if (type == "Prepend") {
    steps_.push_back(std::make_unique<PrependStep>(fields));
  } else if (type == "Replace") {
    steps_.push_back(std::make_unique<ReplaceStep>(fields));
  } else if (type == "Sequence") {
    const Json& list = fields.array("normalizers", kMaxSteps);
    for (size_t i = 0; i < list.size(); ++i) {
      read(list[i], fields.path_of("normalizers") + "[" + std::to_string(i) + "]");
    }
  } else {
    fields.fail("type", "the normalizer " + quote(type) +
                            " is not supported here; supported: NFC, Prepend, Replace, Sequence");
  }
  fields.done();
  if (steps_.size() > kMaxSteps) {
    throw Error(path + ": more than " + std::to_string(kMaxSteps) + " steps");
  }
}

std::string Normalizer::normalize(std::string_view text) const {
  std::string out(text);
  for (const auto& step : steps_) {
    out = step->apply(out);
    check_growth(text.size(), out.size(), path_);
  }
  return out;
}

}  // namespace weft::text
