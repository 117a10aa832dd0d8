// Reads a document's events (tokenizer_document.h): a vocabulary of 200,000 tokens and as many
// merges never become a tree of JSON values.
#include "text/tokenizer_document.h"

#include "core/quote.h"
#include "core/strict_json.h"
#include "weft/error.h"

namespace weft::text {
namespace {

constexpr int kMaxDepth = 32;
constexpr int64_t kMaxValues = int64_t{1} << 26;

class Reader final : public JsonEvents {
 public:
  explicit Reader(const DocumentLimits& limits) : limits_(limits) {}
  TokenizerDocument take() { return std::move(document_); }

  void null() override { value(nullptr); }
  void boolean(bool given) override { value(given); }
  void real(double given) override {
    if (place_ == Place::kPiece) return piece_score(given);
    value(given);
  }
  void integer(int64_t given) override {
    if (place_ == Place::kPiece) return piece_score(static_cast<double>(given));
    if (place_ != Place::kVocab) return value(given);
    document_.vocab.back().second = given;
  }
  void large_integer(uint64_t given) override { value(given); }
  void string(std::string& given) override {
    if (place_ == Place::kMerges) return whole_merge(given);
    if (place_ == Place::kMerge) return merge_part(given);
    if (place_ == Place::kPiece) return piece_text(given);
    value(std::move(given));
  }
  void key(std::string& given) override;
  void start_object() override;
  void end_object() override { close(); }
  void start_array() override;
  void end_array() override;

 private:
  // Inside of the parts that are not kept as JSON, or of one merge or scored piece.
  enum class Place { kElsewhere, kVocab, kPieces, kPiece, kMerges, kMerge };

  [[noreturn]] void fail_in_merge(const std::string& what) const {
    throw Error("model.merges[" + std::to_string(document_.merges.size() - 1) + "] " + what);
  }
  [[noreturn]] void fail_in_piece() const {
    throw Error("model.vocab[" + std::to_string(document_.scores.size()) +
                "] is not a token and its score");
  }
  [[noreturn]] void unexpected_in(Place place) const;
  void value(Json given);
  void new_piece();
  void piece_text(std::string& given);
  void piece_score(double given);
  void whole_merge(const std::string& given);
  void merge_part(std::string& given);
  void new_merge();
  void open(Json empty);
  void close();
  Json* put(Json given);
  bool in_model(std::string_view key) const {
    return stack_.size() == 2 && keys_[0] == "model" && keys_[1] == key;
  }

  const DocumentLimits& limits_;
  TokenizerDocument document_;
  std::vector<Json*> stack_;       // open containers
  std::vector<std::string> keys_;  // the last key in each of them
  Place place_ = Place::kElsewhere;
  int merge_parts_ = 0;
  size_t pieces_ = 0;  // that are whole
  size_t values_ = 0;
};

// Stores a value where the reader is, and returns where it lies.
Json* Reader::put(Json given) {
  if (++values_ > kMaxOtherValues) {
    throw Error("more than " + std::to_string(kMaxOtherValues) +
                " values outside of model.vocab and model.merges");
  }
  if (stack_.empty()) {
    document_.rest = std::move(given);
    return &document_.rest;
  }
  if (stack_.back()->is_array()) {
    return &stack_.back()->get_ref<Json::array_t&>().emplace_back(std::move(given));
  }
  return &((*stack_.back())[keys_.back()] = std::move(given));
}

void Reader::unexpected_in(Place place) const {
  if (place == Place::kPieces || place == Place::kPiece) fail_in_piece();
  throw Error("model.merges: expected strings or pairs of strings");
}

void Reader::value(Json given) {
  if (place_ == Place::kVocab) {
    throw Error("model.vocab: the id of " + quote(document_.vocab.back().first) +
                " is not an integer");
  }
  if (place_ != Place::kElsewhere) unexpected_in(place_);
  put(std::move(given));
}

// A piece is told as its text, then its score.
void Reader::new_piece() {
  if (document_.vocab.size() == limits_.tokens) {
    throw Error("model.vocab: more than " + std::to_string(limits_.tokens) + " tokens");
  }
  place_ = Place::kPiece;
}

void Reader::piece_text(std::string& given) {
  if (document_.vocab.size() != document_.scores.size()) fail_in_piece();
  document_.vocab.emplace_back(std::move(given), static_cast<int64_t>(document_.vocab.size()));
}

void Reader::piece_score(double given) {
  if (document_.vocab.size() != document_.scores.size() + 1) fail_in_piece();
  document_.scores.push_back(given);
}

void Reader::new_merge() {
  if (document_.merges.size() == limits_.merges) {
    throw Error("model.merges: more than " + std::to_string(limits_.merges) + " entries");
  }
  document_.merges.emplace_back();
  merge_parts_ = 0;
}

void Reader::whole_merge(const std::string& given) {
  if (given.starts_with("#version"))
    return;  // the first line of the merges.txt that it was made of
  new_merge();
  const size_t space = given.find(' ');
  if (space == std::string::npos || given.find(' ', space + 1) != std::string::npos) {
    fail_in_merge(quote(given) + " is not two tokens with one space between");
  }
  document_.merges.back() = {given.substr(0, space), given.substr(space + 1)};
}

void Reader::merge_part(std::string& given) {
  auto& [left, right] = document_.merges.back();
  if (++merge_parts_ > 2) fail_in_merge("has more than 2 parts");
  (merge_parts_ == 1 ? left : right) = std::move(given);
}

void Reader::open(Json empty) {
  if (place_ == Place::kVocab) throw Error("model.vocab: an id is not an integer");
  if (place_ != Place::kElsewhere) unexpected_in(place_);
  Json* opened = put(std::move(empty));
  stack_.push_back(opened);
  keys_.emplace_back();
}

void Reader::start_object() {
  if (place_ == Place::kElsewhere && in_model("vocab")) {
    document_.has_vocab = true;
    place_ = Place::kVocab;
    return;
  }
  open(Json::object());
}

void Reader::start_array() {
  if (place_ == Place::kMerges) {
    new_merge();
    place_ = Place::kMerge;
    return;
  }
  if (place_ == Place::kElsewhere && in_model("merges")) {
    document_.has_merges = true;
    place_ = Place::kMerges;
    return;
  }
  if (place_ == Place::kPieces) return new_piece();
  if (place_ == Place::kElsewhere && in_model("vocab")) {
    document_.has_vocab = document_.has_scores = true;
    place_ = Place::kPieces;
    return;
  }
  open(Json::array());
}

void Reader::end_array() {
  if (place_ == Place::kPiece) {
    if (document_.vocab.size() != document_.scores.size() || pieces_ == document_.scores.size())
      fail_in_piece();
    pieces_ = document_.scores.size();
    place_ = Place::kPieces;
    return;
  }
  if (place_ != Place::kMerge) return close();
  if (merge_parts_ != 2) fail_in_merge("has " + std::to_string(merge_parts_) + " parts, not 2");
  place_ = Place::kMerges;
}

void Reader::close() {
  if (place_ != Place::kElsewhere) {
    place_ = Place::kElsewhere;
    return;
  }
  stack_.pop_back();
  keys_.pop_back();
}

void Reader::key(std::string& given) {
  if (place_ == Place::kVocab) {
    if (document_.vocab.size() == limits_.tokens) {
      throw Error("model.vocab: more than " + std::to_string(limits_.tokens) + " tokens");
    }
    document_.vocab.emplace_back(std::move(given), -1);
    return;
  }
  // vocab and merges are not kept under their keys, so they are looked for apart.
  keys_.back() = given;
  const bool again = stack_.back()->contains(given) || (in_model("vocab") && document_.has_vocab) ||
                     (in_model("merges") && document_.has_merges);
  if (again) throw Error("the key " + quote(given) + " appears twice in one object");
}

}  // namespace

TokenizerDocument parse_tokenizer_document(std::string_view content, const std::string& origin,
                                           const DocumentLimits& limits) {
  Reader reader(limits);
  const JsonLimits json{.bytes = limits.bytes, .depth = kMaxDepth, .values = kMaxValues};
  parse_json_events(content, origin, json, reader);
  return reader.take();
}

}  // namespace weft::text
