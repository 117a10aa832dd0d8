// Merging by score with a heap, as SentencePiece's bpe_model.cc (sentencepiece_bpe.h).
#include "text/sentencepiece_bpe.h"

#include <algorithm>

#include "text/utf8.h"

namespace weft::text {
namespace {

using PieceType = SentencePieceFile::PieceType;

bool is_found_in_text(PieceType type) {
  return type == PieceType::kNormal || type == PieceType::kUserDefined ||
         type == PieceType::kUnused;
}

}  // namespace

SentencePieceBpe::SentencePieceBpe(const SentencePieceFile& file)
    : file_(file), ids_(file.pieces.size()) {
  for (size_t i = 0; i < file.pieces.size(); ++i) {
    const auto& [text, score, type] = file.pieces[i];
    if (!is_found_in_text(type)) continue;
    ids_.insert(text, static_cast<int32_t>(i));
    if (type == PieceType::kUserDefined) user_defined_.insert(text, static_cast<int32_t>(i));
    has_unused_ = has_unused_ || type == PieceType::kUnused;
  }
}

class SentencePieceBpe::Pass {
 public:
  Pass(const SentencePieceBpe& model, std::string_view text, std::vector<WordToken>& path)
      : model_(model), text_(text), path_(path) {}

  void run() {
    spell();
    for (size_t i = 1; i < symbols_.size(); ++i) push(i - 1, i);
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Pair pair = heap_.back();
      heap_.pop_back();
      merge(pair);
    }
    for (size_t i = 0; i != kNone && i < symbols_.size(); i = symbols_[i].after)
      put(symbols_[i].begin, symbols_[i].end);
  }

 private:
  static size_t size_of(const Symbol& symbol) { return symbol.end - symbol.begin; }

  // Bytes of the longest user-defined piece; 0 if there is none.
  size_t user_defined_at(size_t at) const {
    size_t longest = 0;
    uint32_t node = ByteTrie::kRoot;
    for (size_t end = at; end < text_.size();) {
      node = model_.user_defined_.child(node, text_[end++]);
      if (node == ByteTrie::kNone) break;
      if (model_.user_defined_.value(node) >= 0) longest = end - at;
    }
    return longest;
  }

  void spell() {
    for (size_t at = 0; at < text_.size();) {
      const size_t whole = user_defined_at(at);
      const size_t size = whole > 0 ? whole : utf8_at(text_, at).size;
      const size_t number = symbols_.size();
      symbols_.push_back({at, at + size, number == 0 ? kNone : number - 1, number + 1, whole > 0});
      at += size;
    }
    if (!symbols_.empty()) symbols_.back().after = kNone;
  }

  // Puts the pair into the heap, if it makes a piece.
  void push(size_t left, size_t right) {
    if (left == kNone || right == kNone) return;
    const Symbol &a = symbols_[left], &b = symbols_[right];
    if (a.frozen || b.frozen) return;
    const std::string_view piece = text_.substr(a.begin, b.end - a.begin);
    const int32_t id = model_.ids_.find(piece);
    if (id < 0) return;
    const auto& known = model_.file_.pieces[static_cast<size_t>(id)];
    heap_.push_back({known.score, left, right, piece.size()});
    std::push_heap(heap_.begin(), heap_.end());
    if (known.type == PieceType::kUnused) halves_[piece] = a.end - a.begin;
  }

  void merge(const Pair& pair) {
    Symbol &left = symbols_[pair.left], &right = symbols_[pair.right];
    if (size_of(left) == 0 || size_of(right) == 0 || size_of(left) + size_of(right) != pair.size)
      return;
    left.end = right.end;
    right.begin = right.end;
    left.after = right.after;
    if (right.after != kNone) symbols_[right.after].before = pair.left;
    push(left.before, pair.left);
    push(pair.left, left.after);
  }

  // A piece that is unused comes apart again into what it was made of.
  void put(size_t begin, size_t end) {
    const std::string_view piece = text_.substr(begin, end - begin);
    const int32_t id = model_.ids_.find(piece);
    if (model_.has_unused_ && id >= 0 &&
        model_.file_.pieces[static_cast<size_t>(id)].type == PieceType::kUnused) {
      if (const auto half = halves_.find(piece); half != halves_.end()) {
        put(begin, begin + half->second);
        return put(begin + half->second, end);
      }
    }
    path_.push_back({id < 0 ? model_.file_.unknown_id : id, begin, end});
  }

  const SentencePieceBpe& model_;
  std::string_view text_;
  std::vector<WordToken>& path_;
  std::vector<Symbol> symbols_;
  std::vector<Pair> heap_;
  std::unordered_map<std::string_view, size_t> halves_;  // bytes of the left half
};

void SentencePieceBpe::find_path(std::string_view text, ModelScratch& scratch) const {
  scratch.path.clear();
  Pass(*this, text, scratch.path).run();
}

}  // namespace weft::text
