// A streaming parser over nlohmann's (tokenizer_document.h): a vocabulary of 200,000 tokens and as
// many merges never become a tree of JSON values.
#include "text/tokenizer_document.h"

#include "weft/error.h"

namespace weft::text {
namespace {

constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxValues = size_t{1} << 20;  // kept as JSON: added tokens are the most of them

class Handler final : public nlohmann::json_sax<Json> {
 public:
  explicit Handler(const std::string& origin) : origin_(origin) {}

  TokenizerDocument take() { return std::move(document_); }

  bool null() override { return value(nullptr); }
  bool boolean(bool given) override { return value(given); }
  bool number_integer(number_integer_t given) override { return integer(given, given); }
  bool number_unsigned(number_unsigned_t given) override {
    return integer(given > INT64_MAX ? -1 : static_cast<int64_t>(given), given);
  }
  bool number_float(number_float_t given, const string_t&) override { return value(given); }
  bool string(string_t& given) override {
    return place_ == Place::kMerges || place_ == Place::kMerge ? merge_part(given) : value(given);
  }
  bool binary(binary_t&) override { fail("binary values are not JSON"); }

  bool start_object(size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override {
    if (place_ == Place::kMerges) {
      document_.merges.emplace_back();
      merge_parts_ = 0;
      place_ = Place::kMerge;
      return true;
    }
    return open(Json::array());
  }
  bool end_array() override {
    if (place_ == Place::kMerge) {
      if (merge_parts_ != 2) fail_in_merge("has " + std::to_string(merge_parts_) + " parts, not 2");
      place_ = Place::kMerges;
      return true;
    }
    return close();
  }
  bool key(string_t& given) override;
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    fail(std::string("not valid JSON: ") + error.what());
  }

 private:
  // The two parts that are not kept as JSON.
  enum class Place { kElsewhere, kVocab, kMerges, kMerge };

  [[noreturn]] void fail(const std::string& what) const { throw Error(origin_ + ": " + what); }
  [[noreturn]] void fail_in_merge(const std::string& what) const {
    fail("model.merges[" + std::to_string(document_.merges.size() - 1) + "] " + what);
  }
  bool value(Json given);
  template <class Number>
  bool integer(int64_t small, Number given);
  bool merge_part(std::string& text);
  bool open(Json empty);
  bool close();
  void put(Json given);
  bool in_model(std::string_view key) const {
    return stack_.size() == 2 && keys_[0] == "model" && keys_[1] == key;
  }

  const std::string& origin_;
  TokenizerDocument document_;
  std::vector<Json*> stack_;       // open containers
  std::vector<std::string> keys_;  // the last key in each of them
  Place place_ = Place::kElsewhere;
  int merge_parts_ = 0;
  size_t values_ = 0;
};

// Stores a finished value, or an empty container, where the parser is.
void Handler::put(Json given) {
  if (++values_ > kMaxValues) {
    fail("more than " + std::to_string(kMaxValues) +
         " values outside of model.vocab and model.merges");
  }
  if (stack_.empty()) {
    document_.rest = std::move(given);
  } else if (stack_.back()->is_array()) {
    stack_.back()->push_back(std::move(given));
  } else {
    (*stack_.back())[keys_.back()] = std::move(given);
  }
}

bool Handler::value(Json given) {
  if (place_ == Place::kVocab) {
    fail("model.vocab: the id of \"" + document_.vocab.back().first + "\" is not an integer");
  }
  if (place_ != Place::kElsewhere) fail("model.merges: expected strings or pairs of strings");
  put(std::move(given));
  return true;
}

template <class Number>
bool Handler::integer(int64_t small, Number given) {
  if (place_ != Place::kVocab) return value(given);
  document_.vocab.back().second = small;
  return true;
}

bool Handler::merge_part(std::string& text) {
  auto& merges = document_.merges;
  if (merges.size() > kMaxMerges) {
    fail("model.merges: more than " + std::to_string(kMaxMerges) + " entries");
  }
  if (place_ == Place::kMerge) {
    if (++merge_parts_ > 2) fail_in_merge("has more than 2 parts");
    (merge_parts_ == 1 ? merges.back().first : merges.back().second) = std::move(text);
    return true;
  }
  merges.emplace_back();
  const size_t space = text.find(' ');
  if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
    fail_in_merge("\"" + text.substr(0, 80) + "\" is not two tokens with one space between");
  }
  merges.back() = {text.substr(0, space), text.substr(space + 1)};
  return true;
}

bool Handler::open(Json empty) {
  if (place_ != Place::kElsewhere) {
    fail(place_ == Place::kVocab ? "model.vocab: an id is not an integer"
                                 : "model.merges: expected strings or pairs of strings");
  }
  if (stack_.size() == kMaxDepth) fail("nested more than " + std::to_string(kMaxDepth) + " deep");
  const bool is_object = empty.is_object();
  if (is_object && in_model("vocab")) {
    document_.has_vocab = true;
    place_ = Place::kVocab;
    return true;
  }
  if (!is_object && in_model("merges")) {
    document_.has_merges = true;
    place_ = Place::kMerges;
    return true;
  }
  put(std::move(empty));
  Json* opened = stack_.empty()              ? &document_.rest
                 : stack_.back()->is_array() ? &stack_.back()->back()
                                             : &(*stack_.back())[keys_.back()];
  stack_.push_back(opened);
  keys_.emplace_back();
  return true;
}

bool Handler::close() {
  if (place_ != Place::kElsewhere) {
    place_ = Place::kElsewhere;
    return true;
  }
  stack_.pop_back();
  keys_.pop_back();
  return true;
}

bool Handler::key(string_t& given) {
  if (place_ == Place::kVocab) {
    if (document_.vocab.size() == kMaxVocabulary) {
      fail("model.vocab: more than " + std::to_string(kMaxVocabulary) + " tokens");
    }
    document_.vocab.emplace_back(std::move(given), -1);
    return true;
  }
  // vocab and merges are not kept under their keys, so they are looked for apart.
  keys_.back() = given;
  const bool again = stack_.back()->contains(given) || (in_model("vocab") && document_.has_vocab) ||
                     (in_model("merges") && document_.has_merges);
  if (again) fail("the key \"" + given.substr(0, 80) + "\" appears twice in one object");
  return true;
}

}  // namespace

TokenizerDocument parse_tokenizer_document(std::string_view content, const std::string& origin) {
  if (content.size() > kMaxDocumentBytes) {
    throw Error(origin + ": " + std::to_string(content.size()) +
                " bytes; a tokenizer.json has at most " + std::to_string(kMaxDocumentBytes));
  }
  Handler handler(origin);
  Json::sax_parse(content.begin(), content.end(), &handler);
  return handler.take();
}

}  // namespace weft::text
