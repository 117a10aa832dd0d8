// Normalizers of tokenizer files (normalizer.h).
#include "text/normalizer.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "core/quote.h"
#include "text/normalization.h"
#include "text/replacement.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxSteps = 16;
constexpr size_t kMaxPrefix = 64;

class Nfc final : public Normalizer {
 public:
  std::string normalize(std::string_view text) const override {
    std::string out;
    out.reserve(text.size());
    append_nfc(out, text);
    return out;
  }
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(JsonFields& fields) : prefix_(fields.text("prepend")) {
    if (prefix_.size() > kMaxPrefix) fields.fail("prepend", "is longer than 64 bytes");
  }
  std::string normalize(std::string_view text) const override {
    return text.empty() ? std::string() : prefix_ + std::string(text);
  }

 private:
  std::string prefix_;
};

class Replace final : public Normalizer {
 public:
  explicit Replace(JsonFields& fields) : replacement_(fields) {}
  std::string normalize(std::string_view text) const override { return replacement_.apply(text); }

 private:
  Replacement replacement_;
};

class Sequence final : public Normalizer {
 public:
  explicit Sequence(JsonFields& fields) {
    const Json& steps = fields.array("normalizers", kMaxSteps);
    for (size_t i = 0; i < steps.size(); ++i) {
      const std::string path = fields.path_of("normalizers") + "[" + std::to_string(i) + "]";
      auto step = make_normalizer(steps[i], path);
      if (!step) throw Error(path + ": is null");
      steps_.push_back(std::move(step));
    }
  }
  std::string normalize(std::string_view text) const override {
    std::string out(text);
    for (const auto& step : steps_) out = step->normalize(out);
    return out;
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> steps_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_normalizer(const Json& component, const std::string& path) {
  if (component.is_null()) return nullptr;
  JsonFields fields(component, path);
  const std::string& type = fields.text("type");
  std::unique_ptr<const Normalizer> made;
  if (type == "NFC") {
    made = std::make_unique<Nfc>();
  } else if (type == "Prepend") {
    made = std::make_unique<Prepend>(fields);
  } else if (type == "Replace") {
    made = std::make_unique<Replace>(fields);
  } else if (type == "Sequence") {
    made = std::make_unique<Sequence>(fields);
  } else {
    fields.fail("type", "the normalizer " + quote(type) +
                            " is not supported; supported: NFC, Prepend, Replace, Sequence");
  }
  fields.done();
  return made;
}

}  // namespace weft::text
